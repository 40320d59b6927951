#include "simulated_listener.hpp"
#include "simulated_state.hpp"

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <utility>

/// Where a machine listens.
namespace libnet::testing {
namespace {

namespace errc = boost::system::errc;

[[noreturn]] void cannot_listen(const endpoint& where, const error_code& why)
{
    throw boost::system::system_error(why, "cannot listen on " + where.to_string());
}

/// A port that nobody listens on.
std::uint16_t free_port(const simulated_ports& ports)
{
    constexpr std::uint16_t first = 61000;  // behind those that are lent to clients
    std::uint16_t port = first;
    while (ports.listening.contains(port)) {
        ++port;
    }
    return port;
}

}  // namespace

std::unique_ptr<listener> simulated_host::listen(const endpoint& where,
                                                 const socket_options& options)
{
    simulated_network::state& net = state_->net;
    const auto backlog = static_cast<std::size_t>(std::max(options.backlog, 1));
    if (where.is_unix()) {
        if (state_->ports->paths.contains(where.path)) {
            cannot_listen(where, make_error_code(errc::address_in_use));
        }
        net.note(name(), "listens on " + where.to_string());
        return std::make_unique<simulated_listener>(net, state_->ports, where.path, backlog);
    }
    ip_address address;
    simulated_host* machine = this;
    if (!where.host.empty() && where.host != "0.0.0.0" && where.host != "::") {
        const auto found = state_->look_up(where.host).addresses;
        if (found.empty()) {
            cannot_listen(where, error::host_not_found);
        }
        address = found.front();
        if (!state_->owns(address) && this == net.hosts.front().get()) {
            machine = net.owner(address, *this);
            machine = machine != nullptr ? machine : &net.add(address.to_string(), {address});
        } else if (!state_->owns(address)) {
            cannot_listen(where, make_error_code(errc::address_not_available));
        }
    }
    const auto& ports = machine->inner().ports;
    const socket_address local{address, where.port != 0 ? where.port : free_port(*ports)};
    if (const auto others = ports->listening.find(local.port); others != ports->listening.end()) {
        for (const simulated_listener* const other : others->second) {
            if (address.empty() || other->where().address.empty() ||
                other->where().address == address) {
                cannot_listen(where, make_error_code(errc::address_in_use));
            }
        }
    }
    std::string text =
        address.empty() ? "[::]:" + std::to_string(local.port) : local.to_string();
    net.note(machine->name(), "listens on " + text);
    return std::make_unique<simulated_listener>(net, ports, local, std::move(text), backlog);
}

}  // namespace libnet::testing
