#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/core/time.hpp>
#include <libnet/runtime/fiber.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/testing/impairment.hpp>
#include <libnet/transport/network.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace libnet::testing {

/// How a machine does not answer.
enum class outage {
    refused,      ///< its programs have ended: connections are reset, new ones refused
    unreachable,  ///< there is no way to it: new connections fail with host_unreachable
    silent,       ///< nothing comes back, as if its cable were pulled
};

/// How a connection ends that somebody cuts.
enum class severance {
    reset,    ///< both ends learn it at once
    silence,  ///< neither ever does: nothing passes any more
};

/// A machine of the simulated network. Has a loopback of its own, and files for Unix sockets.
class LIBNET_ASIO_TESTING_DECL simulated_host final : public network {
public:
    simulated_host(const simulated_host&) = delete;
    simulated_host& operator=(const simulated_host&) = delete;
    ~simulated_host() override;

    /// As add_host() was told.
    const std::string& name() const noexcept;
    const std::vector<ip_address>& addresses() const noexcept;

    /// Its listeners stay and are there again when it comes up; so are connections, unless they were
    /// reset, and what was to be sent meanwhile sets off then.
    void go_down(outage how = outage::silent);
    void come_up();

    /// All connections of this machine.
    void cut_connections(severance how = severance::reset);

    /// How many ports it lends to connections that it makes: 28,232 at first, as on Linux. With all of
    /// them lent, connecting fails with address_not_available. Before it has made any.
    void limit_ports(std::size_t count) noexcept;

    /// Those that at least one end still has open, and its open listeners.
    std::size_t connections() const noexcept;
    std::size_t listeners() const noexcept;

    /// As the network of the tasks that run on this machine. A connection attempt that nobody
    /// answers is repeated after 1, 2, 4, ... seconds, and fails with timed_out after 127.
    task<std::vector<socket_address>> resolve(endpoint where) override;
    task<std::unique_ptr<stream>> connect(socket_address to, socket_options options) override;
    task<std::unique_ptr<stream>> connect_path(std::string path, socket_options options) override;
    std::unique_ptr<listener> listen(const endpoint& where, const socket_options& options) override;
    std::unique_ptr<datagram_channel> open_datagrams(const endpoint& local,
                                                     const udp_options& options) override;
    result<std::unique_ptr<datagram_channel>>
    connect_datagrams(const socket_address& peer, const udp_options& options) override;

    struct state;

    /// For the network that it is part of: add_host() makes one.
    explicit simulated_host(std::unique_ptr<state> own) noexcept;
    state& inner() const noexcept { return *state_; }

private:
    std::unique_ptr<state> state_;
};

/// What a name resolves to.
struct name_record {
    std::vector<std::string> addresses{};  ///< none: host_not_found
    duration delay = duration::zero();     ///< `never` is possible
};

/// Machines, and the lines between them, in memory and on the loop's clock. One seed, one run: the
/// trace is the same to the last byte.
///
///     simulation sim;
///     simulated_host& shop = sim.network().add_host("shop", {"10.0.0.1", "2001:db8:1::1"});
///     sim.network().link_all({.loss = 0.02, .delay = 20ms});
///     libnet::server server("10.0.0.1:9000", echo);
///     sim.start(on(shop, server.run()));
///     sim.run(ask("shop:9000", "hello"));     // from here(), by connect()
///
/// Connections are those of TCP: bounded in between, in order, half-closed, reset when bytes come
/// that nobody will read. The kernel's own timeouts of connections that stand (keep-alive, user
/// timeout) are not there: what ends a silent connection is its user's deadline. Datagrams are lost,
/// duplicated and overtaken; one for a port that nobody has is refused, and its sender told.
class LIBNET_ASIO_TESTING_DECL simulated_network {
public:
    /// Of no hosts. `home` must outlive it.
    explicit simulated_network(loop& home);
    simulated_network(const simulated_network&) = delete;
    simulated_network& operator=(const simulated_network&) = delete;
    ~simulated_network();

    /// A machine; its name resolves to its addresses, in this order. Throws std::invalid_argument
    /// for what is no address, and for a name or address that another has.
    simulated_host& add_host(std::string name, std::vector<std::string> addresses);

    /// Throws std::out_of_range if there is none of this name.
    simulated_host& host(std::string_view name) const;

    /// Where tasks run that were put nowhere else: "here", 192.0.2.1 and 2001:db8::1. It may listen
    /// on the addresses of all others, too, and on those of nobody, which become a machine's then.
    simulated_host& here() const noexcept;

    /// Lets a name resolve to something else, or to nothing, from now on.
    void name(std::string name, name_record to);

    /// What the lines between machines do that have no options of their own; the loopbacks stay as
    /// they are. Nothing, at first.
    void link_all(const impairment_options& options);
    void link(simulated_host& a, simulated_host& b, const impairment_options& both_ways);
    void link_one_way(simulated_host& from, simulated_host& to, const impairment_options& options);

    /// Nothing passes between them, in silence; until unblock().
    void block(simulated_host& a, simulated_host& b);
    void unblock(simulated_host& a, simulated_host& b);

    /// The connections between them.
    void cut_connections(simulated_host& a, simulated_host& b, severance how = severance::reset);

    /// What has become of all that went this way.
    impairment_counts counts(simulated_host& from, simulated_host& to);

    /// Begins the random numbers of all lines anew.
    void seed(std::uint64_t start);

    /// Writes down from now on what happens, a line for each event: when, where, what, and of bytes
    /// how many and their checksum. It grows as long as things happen.
    void keep_trace();
    const std::string& trace() const noexcept;

    struct state;

private:
    std::unique_ptr<state> state_;
};

/// Runs `body` on a machine: its connections come from there, and it listens there.
template <class T>
task<T> on(simulated_host& host, task<T> body)
{
    libnet::detail::fiber& self = co_await libnet::detail::fiber_await{};
    struct change {
        change(libnet::detail::fiber& f, network& n) noexcept : of(f), before(f.network_in_use())
        {
            f.use_network(&n);
        }
        change(const change&) = delete;
        change& operator=(const change&) = delete;
        ~change() { of.use_network(before); }
        libnet::detail::fiber& of;
        network* before;
    };
    const change here(self, host);
    if constexpr (std::is_void_v<T>) {
        co_await checked(std::move(body));
    } else {
        co_return co_await std::move(body);
    }
}

}  // namespace libnet::testing
