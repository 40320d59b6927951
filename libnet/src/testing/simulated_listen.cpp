#include "simulated_datagrams.hpp"
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

/// A port that nobody has.
template <class Listening>
std::uint16_t free_port(const Listening& listening, std::uint16_t first)
{
    std::uint16_t port = first;
    while (listening.contains(port)) {
        ++port;
    }
    return port;
}

constexpr std::uint16_t first_listening = 61000;  // behind those that are lent to clients
constexpr std::uint16_t first_sending = 32768;

}  // namespace

void cannot_listen(const endpoint& where, const error_code& why)
{
    throw boost::system::system_error(why, "cannot listen on " + where.to_string());
}

bound_place simulated_network::state::bind(simulated_host& from, const endpoint& where)
{
    if (where.host.empty() || where.host == "0.0.0.0" || where.host == "::") {
        return {from};
    }
    const auto found = from.inner().look_up(where.host).addresses;
    if (found.empty()) {
        cannot_listen(where, error::host_not_found);
    }
    const ip_address& address = found.front();
    if (from.inner().owns(address)) {
        return {from, address};
    }
    if (&from != hosts.front().get()) {
        cannot_listen(where, make_error_code(errc::address_not_available));
    }
    simulated_host* const machine = owner(address, from);
    return {machine != nullptr ? *machine : add(address.to_string(), {address}), address};
}

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
    const bound_place place = net.bind(*this, where);
    const auto& ports = place.machine.inner().ports;
    const socket_address local{
        place.address,
        where.port != 0 ? where.port : free_port(ports->listening, first_listening), 0};
    if (const auto others = ports->listening.find(local.port); others != ports->listening.end()) {
        for (const simulated_listener* const other : others->second) {
            if (local.address.empty() || other->where().address.empty() ||
                other->where().address == local.address) {
                cannot_listen(where, make_error_code(errc::address_in_use));
            }
        }
    }
    std::string text =
        local.address.empty() ? "[::]:" + std::to_string(local.port) : local.to_string();
    net.note(place.machine.name(), "listens on " + text);
    return std::make_unique<simulated_listener>(net, ports, local, std::move(text), backlog);
}

std::unique_ptr<datagram_channel> simulated_host::open_datagrams(const endpoint& local,
                                                                 const udp_options& options)
{
    simulated_network::state& net = state_->net;
    const bound_place place = net.bind(*this, local);
    const auto& ports = place.machine.inner().ports;
    const socket_address own{
        place.address, local.port != 0 ? local.port : free_port(ports->datagrams, first_sending),
        0};
    const auto others = ports->datagrams.find(own.port);
    if (others != ports->datagrams.end() && !options.reuse_port && !options.reuse_address) {
        for (const simulated_datagrams* const other : others->second) {
            if (own.address.empty() || other->own().address.empty() ||
                other->own().address == own.address) {
                cannot_listen(local, make_error_code(errc::address_in_use));
            }
        }
    }
    return std::make_unique<simulated_datagrams>(place.machine, own, socket_address(),
                                                 options.receive_buffer);
}

result<std::unique_ptr<datagram_channel>>
simulated_host::connect_datagrams(const socket_address& peer, const udp_options& options)
{
    const auto source = state_->source_for(peer.address);
    if (!source) {
        return make_error_code(errc::network_unreachable);
    }
    const socket_address own{*source, free_port(state_->ports->datagrams, first_sending), 0};
    return std::unique_ptr<datagram_channel>(
        std::make_unique<simulated_datagrams>(*this, own, peer, options.receive_buffer));
}

}  // namespace libnet::testing
