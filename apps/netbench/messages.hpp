#pragma once

#include <libnet/core/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace netbench {

/// What is sent: each message is a window into the same random letters, one letter further than the
/// one before, so that making one and comparing its echo costs nothing but the comparison, and an echo
/// of the wrong message is found out. There is no end of a line in it, for line framing.
class messages {
public:
    explicit messages(std::size_t size) : size_(size)
    {
        std::minstd_rand random(20'260'101);
        letters_.resize(size + different - 1);
        for (char& c : letters_) {
            c = static_cast<char>('!' + random() % ('~' - '!' + 1));
        }
    }

    /// Message `number`. The view stays valid.
    std::string_view operator[](std::uint64_t number) const noexcept
    {
        return {letters_.data() + number % different, size_};
    }

    std::size_t size() const noexcept { return size_; }

private:
    static constexpr std::size_t different = 4096;  // a power of two is quick to divide by

    std::size_t size_;
    std::string letters_;
};

/// Compares what comes back with what was sent, message by message or, where the framing does not
/// keep messages apart, byte by byte.
class echo_check {
public:
    echo_check(const messages& sent, bool has_messages) : sent_(sent), has_messages_(has_messages)
    {
    }

    /// Another connection begins with this message.
    void restart(std::uint64_t number) noexcept
    {
        number_ = number;
        seen_ = 0;
    }

    /// How many messages are whole with these bytes; false in `right` if they are not what was sent.
    std::uint64_t take(libnet::bytes received, bool& right) noexcept
    {
        std::string_view rest = libnet::as_text(received);
        if (has_messages_) {
            right = rest == sent_[number_++];
            return 1;
        }
        const std::uint64_t before = number_;
        while (!rest.empty()) {
            const std::string_view expected = sent_[number_].substr(seen_, rest.size());
            if (rest.substr(0, expected.size()) != expected) {
                right = false;
                break;
            }
            rest.remove_prefix(expected.size());
            seen_ += expected.size();
            if (seen_ == sent_.size()) {
                seen_ = 0;
                ++number_;
            }
        }
        return number_ - before;
    }

private:
    const messages& sent_;
    bool has_messages_;
    std::uint64_t number_ = 0;
    std::size_t seen_ = 0;  // of this message
};

}  // namespace netbench
