#pragma once

#include <libnet/core/error.hpp>

#include <boost/system/result.hpp>

namespace libnet {

/// A value, or the reason why there is none. `if (r)`, `*r`, `r.error()`; `.value()` throws
/// `boost::system::system_error` for code that prefers exceptions.
template <class T = void>
using result = boost::system::result<T>;

namespace detail {

/// The error side, in so many words: a `result<bool>` cannot tell what an error code is meant to
/// be, since that converts to a bool as well.
template <class T>
result<T> failed(const error_code& why)
{
    return result<T>(boost::system::in_place_error, why);
}

}  // namespace detail

}  // namespace libnet
