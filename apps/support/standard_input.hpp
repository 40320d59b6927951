#pragma once

#include <libnet/runtime/offload.hpp>
#include <libnet/runtime/task.hpp>

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace sample {

/// The lines of the standard input. Whoever waits for one keeps no other task waiting.
class standard_input {
public:
    /// Nothing at the end. One at a time.
    libnet::task<std::optional<std::string>> line()
    {
        for (;;) {
            const std::size_t end = text_.find('\n', seen_);
            if (end != std::string::npos) {
                std::string found = text_.substr(begin_, end - begin_);
                begin_ = seen_ = end + 1;
                co_return found;
            }
            seen_ = text_.size();
            if (ended_) {
                co_return the_rest();
            }
            // A file is always ready. A thread that waits for a terminal looks up now and then, so that
            // the program can end.
            bool ready = is_ready(0);
            while (!ready) {
                ready = co_await checked(libnet::offload(is_ready, 100));
            }
            read_some();
        }
    }

private:
    static bool is_ready(int milliseconds)
    {
        pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
        return ::poll(&input, 1, milliseconds) != 0;
    }

    void read_some()
    {
        text_.erase(0, std::exchange(begin_, 0));
        seen_ = text_.size();
        std::array<char, 65536> some;
        const ssize_t size = ::read(STDIN_FILENO, some.data(), some.size());
        if (size < 0 && errno != EINTR && errno != EAGAIN) {
            throw std::system_error(errno, std::generic_category(),
                                    "cannot read the standard input");
        }
        ended_ = size == 0;
        text_.append(some.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    }

    /// The last line may have no end.
    std::optional<std::string> the_rest()
    {
        std::string rest = text_.substr(begin_);
        text_.clear();
        begin_ = seen_ = 0;
        return rest.empty() ? std::nullopt : std::optional(std::move(rest));
    }

    std::string text_;
    std::size_t begin_ = 0;  // of what was not handed out
    std::size_t seen_ = 0;   // up to here there is no end of a line
    bool ended_ = false;
};

}  // namespace sample
