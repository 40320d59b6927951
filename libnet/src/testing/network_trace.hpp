#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/time.hpp>

#include <string>
#include <string_view>

namespace libnet::testing {

/// What happens in a simulated network, as text. Nothing is written until somebody wants it.
class network_trace {
public:
    explicit network_trace(time_point start) noexcept : start_(start) {}

    void begin() noexcept { on_ = true; }
    bool on() const noexcept { return on_; }
    const std::string& text() const noexcept { return text_; }

    /// "12.345678901 10.0.0.1:40000 > 10.0.0.2:9000 <what>"
    void note(time_point now, std::string_view where, std::string_view what);

    /// The same with bytes: how many, and their checksum.
    void note(time_point now, std::string_view where, std::string_view what, bytes content);

private:
    time_point start_;
    bool on_ = false;
    std::string text_;
};

/// "0.020000000", seconds.
std::string seconds_text(duration time);

}  // namespace libnet::testing
