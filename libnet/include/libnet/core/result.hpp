#pragma once

#include <libnet/core/error.hpp>

#include <boost/system/result.hpp>

namespace libnet {

/// A value, or the reason why there is none. `if (r)`, `*r`, `r.error()`; `.value()` throws
/// `boost::system::system_error` for code that prefers exceptions.
template <class T = void>
using result = boost::system::result<T>;

}  // namespace libnet
