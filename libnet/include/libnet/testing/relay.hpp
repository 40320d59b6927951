#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/core/time.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/testing/impairment.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace libnet::testing {

/// A bad line in user space: what goes through the relay meets these.
struct relay_options {
    impairment_options there{};  ///< from those who connect to the target
    impairment_options back{};   ///< from the target to them
    std::uint64_t seed = 0;      ///< the same one makes the same line

    /// Bytes that may be under way in each direction of a connection; then it no longer reads.
    std::size_t under_way = 1_MiB;

    /// Connections, or peers that send datagrams, at a time. Others wait in the backlog; datagrams
    /// of others are thrown away.
    std::size_t max_peers = 10'000;

    duration connect_timeout = std::chrono::seconds(3);  ///< to the target

    /// A peer of whom nothing came for so long, nor for it, is forgotten. Of datagrams only.
    duration idle_timeout = std::chrono::seconds(60);

    /// Called when it listens, with its address.
    std::function<void(const std::string& local)> on_listening = nullptr;
};

/// As of the moment when they were asked for.
struct relay_stats {
    std::uint64_t peers = 0;        ///< since the start
    std::uint64_t active = 0;       ///< now
    std::uint64_t unreachable = 0;  ///< for whom the target could not be reached
    std::uint64_t cut = 0;          ///< connections that the line has cut
    std::uint64_t dropped = 0;      ///< datagrams for which there was no room, or of too many peers
    impairment_counts there{};      ///< what became of what went to the target
    impairment_counts back{};       ///< and of what came back
};

/// Stands between clients and a server and lets through what a bad line would: real programs over
/// real sockets, without privileges. In a simulation it stands in the simulated network. It is a
/// tcp_relay or a udp_relay.
class LIBNET_ASIO_TESTING_DECL relay {
public:
    relay(const relay&) = delete;
    relay& operator=(const relay&) = delete;
    ~relay();

    /// Until it is cancelled. Once.
    ///
    /// Errors   throws boost::system::system_error if it cannot listen. Of datagrams host_not_found,
    ///          for the target.
    [[nodiscard]] task<> run();

    /// As of now.
    relay_stats stats() const;

    struct state;

protected:
    /// For relays of each kind.
    explicit relay(std::shared_ptr<state> way) noexcept;

private:
    std::shared_ptr<state> state_;
};

}  // namespace libnet::testing
