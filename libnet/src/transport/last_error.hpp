#pragma once

#include <libnet/core/error.hpp>

#include <cerrno>

#include <boost/system/error_code.hpp>

namespace libnet::detail {

/// Why a system call has just failed.
inline error_code last_error() noexcept
{
    return {errno, boost::system::system_category()};
}

}  // namespace libnet::detail
