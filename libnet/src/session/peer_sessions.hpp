#pragma once

#include "../transport/udp_core.hpp"
#include "own_addresses.hpp"

#include <libnet/policy/address_cookie.hpp>
#include <libnet/policy/peer_table.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/session/udp_server.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace libnet::detail {

/// What a datagram counts that waits for the session of its peer.
std::size_t cost_of_message(std::size_t payload) noexcept;

/// Peers and their sessions: deals what a socket receives out among them, begins new ones, ends those
/// that are silent. Lives in the frame of the server's run().
class peer_sessions {
public:
    peer_sessions(udp_core& core, const udp_server::peer_session& serve,
                  const udp_server_options& options, fiber& parent);
    peer_sessions(const peer_sessions&) = delete;
    peer_sessions& operator=(const peer_sessions&) = delete;
    ~peer_sessions();

    /// Until stop(), or the socket fails.
    task<> run();
    void stop() noexcept;

    /// Of the counters, those that it keeps. Any thread, as long as it lives.
    void add_to(udp_server_stats& s) const noexcept;

private:
    friend class libnet::udp_peer;
    class running;

    void deal_out() noexcept;
    void receive_from_known(udp_peer& peer, bytes payload, time_point now);
    void receive_from_stranger(const datagram& received, time_point now);
    void begin(const datagram& received, bytes payload, bool proven, time_point now);
    void deliver(udp_peer& peer, bytes payload);
    void end(udp_peer& peer, peer_ended why) noexcept;
    void forget(udp_peer& peer) noexcept;
    void ended(running& session) noexcept;
    void report(const running& session) const;
    void expire();
    task<> drain();
    task<> all_have_ended();
    void cannot_reach(const datagram_error& e) noexcept;
    template <class Visitor>
    void for_each_session(Visitor visit);

    udp_core& core_;
    loop& home_;
    const udp_server::peer_session& serve_;
    const udp_server_options& options_;
    fiber& parent_;
    std::optional<address_cookie> cookie_;
    own_addresses addresses_;
    peer_table table_;
    node_list<peer_entry>
        leaving_;  // who is not in the table any more, and whose session still runs
    timer wake_;   // for the next who expires, and at the end
    bool stopping_ = false;
    error_code failed_;
    std::exception_ptr hook_failed_;
    counter active_;
    counter accepted_;
    counter refused_;
    counter challenged_;
    counter overflowed_;
    counter truncated_;
    counter waiting_;
};

}  // namespace libnet::detail
