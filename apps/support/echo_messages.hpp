#pragma once

#include "flags.hpp"
#include "standard_input.hpp"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sample {

/// What an echo client sends: shared, since it may be large and is sent more than once.
struct echo_message {
    std::shared_ptr<const std::string> text;
    std::uint64_t number = 0;
};

/// Where they come from: the arguments, a file, or the standard input.
class echo_messages {
public:
    void add_flags(CLI::App& app)
    {
        auto* of_arguments = app.add_option(
            "MESSAGE", arguments_, "What to send; without any, each line of the standard input");
        app.add_option("--file", file_, "Send this file as one message")
            ->type_name("PATH")
            ->check(CLI::ExistingFile.description(""))
            ->excludes(of_arguments);
        app.add_option("--count", count_, "Send each message so many times")
            ->type_name("N")
            ->capture_default_str()
            ->check(CLI::Range(1u, 1'000'000'000u).description(""));
    }

    /// Nothing when all have been handed out. One at a time.
    libnet::task<std::optional<echo_message>> next()
    {
        if (left_ == 0) {
            auto text = co_await checked(read());
            if (!text) {
                co_return std::nullopt;
            }
            current_.text = std::make_shared<const std::string>(std::move(*text));
            left_ = count_;
        }
        --left_;
        ++current_.number;
        co_return std::optional(current_);
    }

private:
    libnet::task<std::optional<std::string>> read()
    {
        if (!file_.empty()) {
            co_return next_++ == 0 ? std::optional(content_of(file_)) : std::nullopt;
        }
        if (arguments_.empty()) {
            co_return co_await checked(input_.line());
        }
        co_return next_ != arguments_.size() ? std::optional(arguments_[next_++]) : std::nullopt;
    }

    static std::string content_of(const std::string& file)
    {
        std::ifstream source(file, std::ios::binary);
        std::string content(std::istreambuf_iterator<char>(source), {});
        if (!source) {
            throw std::runtime_error("cannot read " + file);
        }
        return content;
    }

    std::vector<std::string> arguments_;
    std::string file_;
    unsigned count_ = 1;
    standard_input input_;
    echo_message current_;
    unsigned left_ = 0;     // times that it is still to be sent
    std::size_t next_ = 0;  // of the arguments
};

}  // namespace sample
