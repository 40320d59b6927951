#pragma once

#include "network_trace.hpp"

#include <libnet/core/list_node.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/testing/simulated_network.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace libnet::testing {

class simulated_datagrams;
class simulated_listener;
class simulated_wire;
struct simulated_flight;

/// One direction between two machines.
struct simulated_line {
    simulated_line(simulated_host& f, simulated_host& t, const impairment_options& o,
                   std::uint64_t seed)
        : from(f), to(t), course(o, seed)
    {
    }

    bool passes() const noexcept;

    simulated_host& from;
    simulated_host& to;
    impairment course;
    bool has_own_options = false;
    bool blocked = false;
};

/// The ports of a machine, and the paths of its Unix sockets. Listeners hold it, too.
struct simulated_ports {
    static constexpr std::uint16_t first_lent = 32768;

    std::map<std::uint16_t, std::vector<simulated_listener*>> listening;
    std::map<std::uint16_t, std::vector<simulated_datagrams*>> datagrams;
    std::map<std::string, simulated_listener*, std::less<>> paths;
    std::vector<bool> lent = std::vector<bool>(60999 - first_lent + 1);  // to clients, as on Linux
    std::size_t next = 0;

    simulated_listener* find(const socket_address& where) const;
    simulated_datagrams* find_datagrams(const socket_address& from, const socket_address& to) const;
};

/// What a name stands for, and how long one waits for that.
struct name_found {
    std::vector<ip_address> addresses{};
    duration delay = duration::zero();
};

struct simulated_host::state {
    simulated_network::state& net;
    std::size_t number;
    std::string name;
    std::vector<ip_address> addresses;
    std::optional<outage> down = std::nullopt;
    std::shared_ptr<simulated_ports> ports = std::make_shared<simulated_ports>();

    bool owns(const ip_address& address) const;

    /// From where it connects to an address; nothing if it has none of this kind.
    std::optional<ip_address> source_for(const ip_address& to) const;
    name_found look_up(const std::string& text) const;
};

/// Where something is to listen: on a machine, on one of its addresses or on all.
struct bound_place {
    simulated_host& machine;
    ip_address address{};
};

struct simulated_network::state {
    explicit state(loop& l);
    ~state();

    simulated_host& add(std::string name, std::vector<ip_address> addresses);

    /// Whose address it is, as `from` sees it; null if it is nobody's.
    simulated_host* owner(const ip_address& address, simulated_host& from) const;
    simulated_line& line(simulated_host& from, simulated_host& to);

    /// Throws what cannot be bound to, and why.
    bound_place bind(simulated_host& from, const endpoint& where);

    /// A datagram that sets off.
    simulated_flight& take_off();

    /// The connections that `concerned` says, in the order in which they were made.
    std::vector<std::shared_ptr<simulated_wire>>
    wires_of(const std::function<bool(const simulated_wire&)>& concerned);
    void try_again();

    void note(std::string_view where, std::string_view what)
    {
        trace.note(home.now(), where, what);
    }

    loop& home;
    std::uint64_t seed = 0;
    impairment_options everywhere{};
    std::vector<std::unique_ptr<simulated_host>> hosts;
    std::map<std::string, simulated_host*, std::less<>> by_name;
    std::map<ip_address, simulated_host*> by_address;
    std::map<std::string, name_record, std::less<>> names;
    std::map<std::pair<std::size_t, std::size_t>, simulated_line> lines;
    libnet::detail::node_list<simulated_wire> wires;
    std::list<simulated_flight> flights;
    network_trace trace;
};

[[noreturn]] void cannot_listen(const endpoint& where, const error_code& why);

/// "127.0.0.0/8" and "::1".
bool is_loopback(const ip_address& address) noexcept;

}  // namespace libnet::testing
