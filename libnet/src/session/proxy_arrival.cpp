#include "proxy_arrival.hpp"

#include "proxied_stream.hpp"

#include <libnet/framing/raw.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/session/release.hpp>

#include <algorithm>
#include <utility>

namespace libnet {

bool proxy_protocol::trusts(const ip_address& who) const noexcept
{
    return std::ranges::any_of(trusted, [&](const ip_network& n) { return n.contains(who); });
}

namespace detail {
namespace {

using status = proxy_reading::status;

/// Whoever is refused here has been promised nothing, so it is closed without a farewell.
connection_options without_patience()
{
    return {.framing = raw(), .frame_timeout = never, .close_timeout = duration::zero()};
}

/// Reads until it is certain what the stream begins with.
task<proxy_reading> read_header(connection& peer, std::string& received, const proxy_protocol& how)
{
    const bool trusted = how.trusts(peer.transport().peer_address());
    for (;;) {
        auto piece = co_await peer.receive();
        if (!piece) {
            const bool inside = piece.error() == error::closed && !received.empty();
            co_return inside ? make_error_code(proxy_error::truncated) : piece.error();
        }
        received += as_text(*piece);
        if (!trusted && begins_as_proxy_header(as_bytes(received))) {
            co_return proxy_error::spoofed;
        }
        auto reading = read_proxy_header(as_bytes(received), how.max_header);
        if (!reading || reading->state != status::incomplete) {
            co_return std::move(reading);
        }
    }
}

/// By the deadline. Its own is a proxy_error, one from outside is not.
task<proxy_reading> read_header_in_time(connection& peer, std::string& received,
                                        const proxy_protocol& how)
{
    loop& home = co_await this_loop();
    const time_point due = add(home.now(), how.header_timeout);
    auto reading = co_await within(how.header_timeout, read_header(peer, received, how));
    const bool too_late =
        reading.has_error() && reading.error() == error::timeout && home.now() >= due;
    if (!too_late) {
        co_return std::move(reading);
    }
    if (received.empty() && how.headers == proxy_protocol::optional) {
        co_return proxy_reading{.state = status::absent};
    }
    co_return proxy_error::timeout;
}

/// The header is in the first bytes of `received`, and goes.
task<std::unique_ptr<stream>> rest_of(connection& peer, std::string received, proxy_reading reading)
{
    std::optional<proxy_info> proxy;
    if (reading.state == status::header) {
        proxy = proxy_info{.balancer = peer.peer(), .header = std::move(reading.header)};
    }
    auto released = co_await checked(release(peer));
    const bytes behind = as_bytes(received).subspan(reading.size);
    std::vector<std::byte> first(behind.begin(), behind.end());
    first.insert(first.end(), released.received.begin(), released.received.end());
    co_return std::make_unique<proxied_stream>(std::move(released.transport), std::move(first),
                                               std::move(proxy));
}

}  // namespace

task<std::unique_ptr<stream>> receive_proxy_header(std::unique_ptr<stream> transport,
                                                   const proxy_protocol& how)
{
    if (how.headers == proxy_protocol::required && !how.trusts(transport->peer_address())) {
        transport->close();
        co_return proxy_error::untrusted_source;
    }
    connection peer(std::move(transport), without_patience());
    std::string received;
    auto reading = co_await read_header_in_time(peer, received, how);
    if (!reading) {
        co_return reading.error();
    }
    if (reading->state == status::absent && how.headers == proxy_protocol::required) {
        co_return proxy_error::missing;
    }
    auto rest = rest_of(peer, std::move(received), std::move(*reading));
    co_return co_await std::move(rest);
}

task<std::unique_ptr<stream>> send_proxy_header(std::unique_ptr<stream> transport,
                                                const proxy_header& header)
{
    const auto wire = co_await checked(write_proxy_header(header));
    connection peer(std::move(transport), without_patience());
    co_await checked(peer.send(wire));
    auto released = co_await checked(release(peer));
    co_return std::move(released.transport);
}

}  // namespace detail
}  // namespace libnet
