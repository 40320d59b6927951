#pragma once

#include "asio_loop.hpp"

#include <libnet/core/config.hpp>
#include <libnet/runtime/loop.hpp>

#include <boost/asio/bind_executor.hpp>

#include <utility>

namespace libnet::detail {

/// Calls `start` with the handler of an operation of Asio's that belongs to `home`: on a strand's loop
/// it has to pass through the strand. What memory it lends is given back outside of the strand then,
/// so it must be asked for again only when the handler has run.
template <class Handler, class Start>
LIBNET_ASIO_ALWAYS_INLINE void begin_on(const loop& home, Handler handler, Start start)
{
    if (const auto* strand = strand_of(home)) [[unlikely]] {
        start(boost::asio::bind_executor(*strand, std::move(handler)));
    } else {
        start(std::move(handler));
    }
}

}  // namespace libnet::detail
