#pragma once

#include <atomic>
#include <memory>

namespace libnet::tests {

/// Counts its living. Owns memory, so that a destructor that runs twice is a double free, and one
/// that does not run a leak.
class live_object {
public:
    explicit live_object(int v = 0) : value_(std::make_unique<int>(v)) { ++alive_; }
    live_object(const live_object& other) : live_object(other.value()) {}
    live_object(live_object&& other) noexcept : value_(std::move(other.value_)) { ++alive_; }
    live_object& operator=(live_object other) noexcept
    {
        value_ = std::move(other.value_);
        return *this;
    }
    ~live_object() { --alive_; }

    int value() const { return value_ ? *value_ : -1; }

    static int alive() noexcept { return alive_; }

private:
    static inline std::atomic<int> alive_{0};
    std::unique_ptr<int> value_;
};

}  // namespace libnet::tests
