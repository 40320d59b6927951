#pragma once

#include "peer_sessions.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/session/udp_server.hpp>
#include <libnet/transport/datagram_channel.hpp>
#include <libnet/transport/endpoint.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace libnet {

/// A UDP server behind its handle. Over shards it has parts, each with a socket of its own.
///
/// Sources  udp_server.cpp, udp_server_shards.cpp.
struct udp_server::state : std::enable_shared_from_this<udp_server::state> {
    state(endpoint e, udp_server_options o) : where(std::move(e)), options(std::move(o)) {}

    task<> run();
    void move_to(loop& here);
    void stop();

    task<> run_over(shards& all);
    task<std::string> open_everywhere(shards& all);
    task<> close_everywhere(shards& all);
    task<> serve_over(shards& all);
    task<> run_part(std::size_t i);
    void make_parts(std::size_t count);

    task<> wait_until_stopped();
    task<> run_socket(udp_socket& socket);
    task<> run_peers(detail::udp_core& core);
    void stop_now() noexcept;
    void serve_on(detail::udp_core& opened);
    udp_server_stats stats() const;

    endpoint where;
    socket_session serve_socket;
    peer_session serve_peer;
    udp_server_options options;

    // The loop's thread.
    std::unique_ptr<datagram_channel> channel;
    bool stopping = false;
    std::optional<timer> wake;

    // The loop's thread changes them under the lock, so that others may look.
    mutable std::mutex mutex;
    std::vector<std::shared_ptr<state>> parts;  // over shards; each is a server as well
    detail::udp_core* core = nullptr;
    detail::peer_sessions* peers = nullptr;
    udp_server_stats last;  // when they have gone
    std::shared_ptr<detail::mailbox> box;
    bool stop_asked = false;
};

}  // namespace libnet
