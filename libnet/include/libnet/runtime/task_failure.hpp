#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/error.hpp>

#include <exception>
#include <system_error>

namespace libnet::detail {

/// How a task has failed: not yet, with an error, or with an exception. An error_code keeps a pointer more,
/// to the place in the source where it was made; that is not kept here.
class LIBNET_ASIO_DECL task_failure {
public:
    task_failure() noexcept : boost_(nullptr) {}
    task_failure(const task_failure&) = delete;
    task_failure& operator=(const task_failure&) = delete;
    ~task_failure() { forget(); }

    void set(const error_code& why) noexcept;
    void set(std::exception_ptr thrown) noexcept;

    bool is_error() const noexcept { return kind_ == kind::error || kind_ == kind::standard_error; }
    bool is_exception() const noexcept { return kind_ == kind::exception; }

    /// No error and null if it is not that.
    error_code error() const noexcept;
    std::exception_ptr exception() const noexcept
    {
        return is_exception() ? exception_ : std::exception_ptr();
    }

private:
    enum class kind : unsigned char { none, error, standard_error, exception };

    void forget() noexcept
    {
        if (kind_ == kind::exception) [[unlikely]] {
            exception_.~exception_ptr();
        }
    }

    union {
        const boost::system::error_category* boost_;
        const std::error_category*
            standard_;  // of a std::error_code that an error_code has taken in
        std::exception_ptr exception_;
    };
    int value_ = 0;
    kind kind_ = kind::none;
};

}  // namespace libnet::detail
