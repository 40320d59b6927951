#include "simulated_state.hpp"
#include "simulated_wire.hpp"

#include <libnet/runtime/timer.hpp>

#include <algorithm>
#include <utility>

namespace libnet::testing {
namespace {

const ip_address& loopback_v4()
{
    static const ip_address address = ip_address::parse("127.0.0.1").value();
    return address;
}

const ip_address& loopback_v6()
{
    static const ip_address address = ip_address::parse("::1").value();
    return address;
}

std::vector<socket_address> with_port(const std::vector<ip_address>& addresses, std::uint16_t port)
{
    std::vector<socket_address> all;
    for (const ip_address& address : addresses) {
        all.push_back({address, port});
    }
    return all;
}

}  // namespace

bool is_loopback(const ip_address& address) noexcept
{
    return address.network(8) == loopback_v4().network(8) || address == loopback_v6();
}

bool simulated_host::state::owns(const ip_address& address) const
{
    return is_loopback(address) ||
           std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

std::optional<ip_address> simulated_host::state::source_for(const ip_address& to) const
{
    if (is_loopback(to)) {
        return to;
    }
    const auto own = std::find_if(addresses.begin(), addresses.end(),
                                  [&](const ip_address& a) { return a.is_v4() == to.is_v4(); });
    return own == addresses.end() ? std::nullopt : std::optional(*own);
}

name_found simulated_host::state::look_up(const std::string& text) const
{
    if (const auto address = ip_address::parse(text)) {
        return {{*address}, {}};
    }
    if (const auto record = net.names.find(text); record != net.names.end()) {
        name_found found{{}, record->second.delay};
        for (const std::string& address : record->second.addresses) {
            found.addresses.push_back(ip_address::parse(address).value());
        }
        return found;
    }
    if (text == "localhost") {
        return {{loopback_v6(), loopback_v4()}, {}};
    }
    const auto machine = net.by_name.find(text);
    return machine == net.by_name.end() ? name_found{}
                                        : name_found{machine->second->addresses(), {}};
}

simulated_host::simulated_host(std::unique_ptr<state> own) noexcept : state_(std::move(own)) {}

simulated_host::~simulated_host() = default;

const std::string& simulated_host::name() const noexcept
{
    return state_->name;
}

const std::vector<ip_address>& simulated_host::addresses() const noexcept
{
    return state_->addresses;
}

void simulated_host::go_down(outage how)
{
    state_->net.note(name(), how == outage::refused       ? "goes down, refuses"
                             : how == outage::unreachable ? "goes down, unreachable"
                                                          : "goes down, silent");
    state_->down = how;
    if (how == outage::refused) {
        const loop::turn this_turn(state_->net.home);
        for (const auto& wire :
             state_->net.wires_of([this](const simulated_wire& w) { return w.touches(*this); })) {
            wire->crash(*this);
        }
    }
}

void simulated_host::come_up()
{
    state_->net.note(name(), "comes up");
    state_->down.reset();
    state_->net.try_again();
}

void simulated_host::cut_connections(severance how)
{
    const loop::turn this_turn(state_->net.home);
    for (const auto& wire :
         state_->net.wires_of([this](const simulated_wire& w) { return w.touches(*this); })) {
        wire->cut(how);
    }
}

std::size_t simulated_host::connections() const noexcept
{
    std::size_t count = 0;
    state_->net.wires.for_each(
        [&](const simulated_wire& w) { count += w.touches(*this) ? 1U : 0U; });
    return count;
}

void simulated_host::limit_ports(std::size_t count) noexcept
{
    std::vector<bool>& lent = state_->ports->lent;
    lent.resize(std::min(count, lent.size()));
}

std::size_t simulated_host::listeners() const noexcept
{
    std::size_t count = state_->ports->paths.size();
    for (const auto& [port, all] : state_->ports->listening) {
        count += all.size();
    }
    return count;
}

task<std::vector<socket_address>> simulated_host::resolve(endpoint where)
{
    const name_found said = state_->look_up(where.host);
    if (said.delay != duration::zero()) {
        co_await checked(sleep_for(said.delay));
    }
    const bool found = !said.addresses.empty();
    if (!ip_address::parse(where.host)) {
        state_->net.note(name(), (found ? "finds " : "does not find ") + where.host);
    }
    if (!found) {
        co_return error::host_not_found;
    }
    co_return with_port(said.addresses, where.port);
}

}  // namespace libnet::testing
