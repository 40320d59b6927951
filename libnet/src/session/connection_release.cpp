#include "connection_core.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/session/release.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

/// A connection that is taken apart, and one that begins with what others have received.
namespace libnet {
namespace detail {

std::vector<std::byte> connection_core::unread() const
{
    const bytes rest = inbox_.unseen();
    return {rest.begin(), rest.end()};
}

void connection_core::put_back(bytes received)
{
    if (bytes_received_ != 0 || reading_ || somebody_receives()) {
        throw std::logic_error("libnet: this connection has begun to receive");
    }
    bytes_received_ += received.size();
    moved_ = !received.empty();
    while (!received.empty()) {
        const mutable_bytes room = inbox_.prepare(received.size(), receive_buffer::largest_read);
        const std::size_t count = std::min(room.size(), received.size());
        std::copy_n(received.begin(), count, room.begin());
        inbox_.received.commit(count);
        received = received.subspan(count);
    }
    count_memory();
}

namespace {

/// Until nothing is under way in either direction. What is sent meanwhile leaves, too.
task<> come_to_rest(connection& peer, connection_core& core)
{
    for (;;) {
        co_await checked(peer.flush());
        if (core.ended()) {
            co_await fail(core.ended());
        }
        if (core.stop_reading() && !core.has_output()) {
            break;
        }
        co_await checked(yield());
    }
    if (core.ended()) {
        co_await fail(core.ended());
    }
}

}  // namespace

task<released_descriptor> release_descriptor(connection& peer)
{
    connection_core& core = connection_access::core(peer);
    co_await checked(come_to_rest(peer, core));
    released_descriptor released;
    released.received = core.unread();
    auto transport = core.take_transport();
    released.descriptor = transport->release_native();
    if (released.descriptor < 0) {
        core.put_transport(std::move(transport));
        co_return error::not_supported;
    }
    core.lose_transport(error::closed);
    co_return std::move(released);
}

}  // namespace detail

task<released_stream> release(connection& peer)
{
    detail::connection_core& core = detail::connection_access::core(peer);
    co_await checked(detail::come_to_rest(peer, core));
    released_stream released;
    released.received = core.unread();
    released.transport = core.take_transport();
    core.lose_transport(error::closed);
    co_return std::move(released);
}

void put_back(connection& peer, bytes received)
{
    detail::connection_access::core(peer).put_back(received);
}

}  // namespace libnet
