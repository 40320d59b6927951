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

    endpoint where;
    socket_session serve_socket;
    peer_session serve_peer;
    udp_server_options options;

    // The loop's thread.
    std::unique_ptr<datagram_channel> channel;
    bool stopping = false;
    detail::peer_sessions* peers = nullptr;
    std::optional<timer> wake;
    detail::udp_core* core = nullptr;
    udp_server_stats last;
    std::vector<std::shared_ptr<state>> parts;  // over shards; each is a server as well

    std::mutex stop_mutex;  // of the next two
    std::shared_ptr<detail::mailbox> box;
    bool stop_asked = false;
};

}  // namespace libnet
