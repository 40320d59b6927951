#include <libnet/runtime/task_failure.hpp>

#include <new>
#include <utility>

namespace libnet::detail {

void task_failure::set(const error_code& why) noexcept
{
    forget();
    if (why.category() == boost::system::detail::interop_category()) {
        const std::error_code standard = why;
        standard_ = &standard.category();
        value_ = standard.value();
        kind_ = kind::standard_error;
    } else {
        boost_ = &why.category();
        value_ = why.value();
        kind_ = kind::error;
    }
}

void task_failure::set(std::exception_ptr thrown) noexcept
{
    forget();
    ::new (static_cast<void*>(&exception_)) std::exception_ptr(std::move(thrown));
    kind_ = kind::exception;
}

error_code task_failure::error() const noexcept
{
    switch (kind_) {
    case kind::error: return error_code(value_, *boost_);
    case kind::standard_error: return std::error_code(value_, *standard_);
    case kind::none:
    case kind::exception: break;
    }
    return {};
}

}  // namespace libnet::detail
