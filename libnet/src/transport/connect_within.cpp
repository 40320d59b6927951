#include "connect_within.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <utility>

namespace libnet::detail {

task<std::unique_ptr<stream>> connect_within(duration limit, task<std::unique_ptr<stream>> attempt)
{
    loop& home = co_await this_loop();
    const time_point started = home.now();
    auto connected = co_await within(limit, std::move(attempt));
    if (connected.has_error() && connected.error() == error::timeout &&
        home.now() >= add(started, limit)) {
        co_return error::connect_timeout;
    }
    co_return std::move(connected);
}

}  // namespace libnet::detail
