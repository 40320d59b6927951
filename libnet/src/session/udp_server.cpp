#include "../transport/datagram_endpoint.hpp"
#include "peer_sessions.hpp"
#include "udp_server_state.hpp"

#include <libnet/runtime/group.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/udp_server.hpp>
#include <libnet/transport/endpoint.hpp>
#include <libnet/transport/network.hpp>

#include <boost/system/system_error.hpp>

#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace libnet {

namespace {

endpoint port_of(std::string_view text)
{
    const auto parsed = detail::datagram_endpoint(text);
    if (!parsed) {
        throw boost::system::system_error(parsed.error(),
                                          "cannot listen on '" + std::string(text) + "'");
    }
    return *parsed;
}

void add(udp_server_stats& sum, const udp_server_stats& part)
{
    sum.socket.received += part.socket.received;
    sum.socket.sent += part.socket.sent;
    sum.socket.dropped += part.socket.dropped;
    sum.socket.unsent += part.socket.unsent;
    sum.socket.errors += part.socket.errors;
    sum.socket.receive_calls += part.socket.receive_calls;
    sum.socket.send_calls += part.socket.send_calls;
    sum.accepted += part.accepted;
    sum.active += part.active;
    sum.refused += part.refused;
    sum.challenged += part.challenged;
    sum.overflowed += part.overflowed;
    sum.truncated += part.truncated;
    sum.waiting += part.waiting;
}

}  // namespace

udp_server::udp_server(std::string_view where, socket_session serve, udp_server_options options)
    : state_(std::make_shared<state>(port_of(where), std::move(options)))
{
    state_->serve_socket = std::move(serve);
}

udp_server::udp_server(std::string_view where, peer_session serve, udp_server_options options)
    : state_(std::make_shared<state>(port_of(where), std::move(options)))
{
    state_->serve_peer = std::move(serve);
}

udp_server::~udp_server()
{
    try {
        stop();
    } catch (const std::bad_alloc&) {  // it only matters if somebody destroys a server that runs
    }
}

task<> udp_server::run()
{
    return [](std::shared_ptr<state> s) -> task<> { co_await checked(s->run()); }(state_);
}

task<> udp_server::state::run()
{
    const detail::fiber& self = co_await detail::fiber_await{};
    if (!channel) {
        channel = detail::network_of(self).open_datagrams(where, options.socket);
    }
    udp_socket socket(std::move(channel), options.socket);
    move_to(self.home());
    serve_on(detail::core_of(socket));
    struct leaving {
        state& s;
        ~leaving()
        {
            s.wake.reset();
            const std::lock_guard lock(s.mutex);
            s.last.socket = s.core->stats();
            s.core = nullptr;
        }
    };
    const leaving on_end{*this};
    if (options.on_listening) {
        options.on_listening(socket.local().to_string());
    }
    auto serving = serve_socket ? run_socket(socket) : run_peers(*core);
    co_await checked(std::move(serving));
}

void udp_server::state::serve_on(detail::udp_core& opened)
{
    const std::lock_guard lock(mutex);
    core = &opened;
}

void udp_server::state::move_to(loop& here)
{
    const std::lock_guard lock(mutex);
    wake.emplace(here);
    box = here.remote();
    stopping = stop_asked;
}

/// The one session ends because it returns, or because all that has come is received and the socket is
/// closed.
task<> udp_server::state::run_socket(udp_socket& socket)
{
    auto serve_until_stopped = [&](group& tasks) -> task<> {
        auto session = [](state& s, udp_socket& of) -> task<> {
            const auto ended = co_await s.serve_socket(of);
            s.stop_now();
            if (!ended && ended.error() != error::closed) {
                co_await fail(ended.error());
            }
        };
        tasks.start(session(*this, socket));
        co_await wait_until_stopped();
        core->end_input();
        (void)co_await shielded(options.drain_timeout, tasks.join());
        socket.close();
    };
    co_await checked(with_group(serve_until_stopped));
}

task<> udp_server::state::run_peers(detail::udp_core& of)
{
    struct registration {
        state& s;
        detail::peer_sessions& sessions;
        registration(state& of, detail::peer_sessions& there) : s(of), sessions(there)
        {
            const std::lock_guard lock(s.mutex);
            s.peers = &sessions;
        }
        registration(const registration&) = delete;
        registration& operator=(const registration&) = delete;
        ~registration()
        {
            const std::lock_guard lock(s.mutex);
            sessions.add_to(s.last);
            s.peers = nullptr;
        }
    };
    detail::peer_sessions sessions(of, serve_peer, options, co_await detail::fiber_await{});
    const registration here(*this, sessions);
    if (stopping) {
        sessions.stop();
    }
    co_await checked(sessions.run());
}

void udp_server::stop()
{
    state_->stop();
}

void udp_server::state::stop()
{
    const std::lock_guard lock(mutex);
    stop_asked = true;
    if (box) {
        box->post([s = shared_from_this()] { s->stop_now(); });
    }
}

void udp_server::state::stop_now() noexcept
{
    stopping = true;
    if (peers != nullptr) {
        peers->stop();
    }
    if (wake) {
        wake->expires_after(duration::zero());
    }
}

task<> udp_server::state::wait_until_stopped()
{
    while (!stopping) {
        wake->expires_at(end_of_time);
        const auto woken = co_await wake->wait();
        if (!woken) {
            break;
        }
    }
}

udp_server_stats udp_server::stats() const
{
    return state_->stats();
}

udp_server_stats udp_server::state::stats() const
{
    const std::lock_guard lock(mutex);
    udp_server_stats now = last;
    if (core != nullptr) {
        now.socket = core->stats_from_outside();
    }
    if (peers != nullptr) {
        peers->add_to(now);
    }
    for (const auto& part : parts) {
        add(now, part->stats());
    }
    return now;
}

}  // namespace libnet
