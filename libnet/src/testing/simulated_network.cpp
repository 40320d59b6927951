#include <libnet/testing/simulated_network.hpp>

#include "simulated_datagrams.hpp"
#include "simulated_state.hpp"
#include "simulated_wire.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace libnet::testing {
namespace {

ip_address address_in(const std::string& text)
{
    const auto address = ip_address::parse(text);
    if (!address) {
        throw std::invalid_argument("libnet: '" + text + "' is no address");
    }
    return *address;
}

std::vector<ip_address> addresses_in(const std::vector<std::string>& texts)
{
    std::vector<ip_address> addresses;
    for (const std::string& text : texts) {
        addresses.push_back(address_in(text));
    }
    return addresses;
}

std::uint64_t mixed(std::uint64_t seed, std::string_view name) noexcept
{
    for (const char c : name) {
        seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001B3;  // FNV-1a
    }
    return random_numbers(seed).next();
}

}  // namespace

bool simulated_line::passes() const noexcept
{
    const auto silent = [](const simulated_host& host) {
        const auto& down = host.inner().down;
        return down && *down != outage::refused;
    };
    return !blocked && !silent(from) && !silent(to);
}

simulated_network::state::state(loop& l) : home(l), trace(l.now()) {}

simulated_network::state::~state() = default;

simulated_host& simulated_network::state::add(std::string name, std::vector<ip_address> addresses)
{
    for (const ip_address& address : addresses) {
        if (by_address.contains(address)) {
            throw std::invalid_argument("libnet: " + address.to_string() + " is another machine's");
        }
    }
    if (by_name.contains(name)) {
        throw std::invalid_argument("libnet: there is a machine named '" + name + "'");
    }
    auto own = std::make_unique<simulated_host::state>(
        simulated_host::state{*this, hosts.size(), std::move(name), std::move(addresses)});
    simulated_host& made =
        *hosts.emplace_back(std::make_unique<simulated_host>(std::move(own)));
    by_name[made.name()] = &made;
    for (const ip_address& address : made.addresses()) {
        by_address[address] = &made;
    }
    return made;
}

simulated_host* simulated_network::state::owner(const ip_address& address,
                                                simulated_host& from) const
{
    if (is_loopback(address)) {
        return &from;
    }
    const auto found = by_address.find(address);
    return found == by_address.end() ? nullptr : found->second;
}

simulated_line& simulated_network::state::line(simulated_host& from, simulated_host& to)
{
    const std::pair key(from.inner().number, to.inner().number);
    const auto found = lines.find(key);
    if (found != lines.end()) {
        return found->second;
    }
    const bool loopback = &from == &to;
    simulated_line& made =
        lines
            .try_emplace(key, from, to, loopback ? impairment_options{} : everywhere,
                         mixed(mixed(seed, from.name()), to.name()))
            .first->second;
    made.has_own_options = loopback;
    return made;
}

std::vector<std::shared_ptr<simulated_wire>> simulated_network::state::wires_of(
    const std::function<bool(const simulated_wire&)>& concerned)
{
    std::vector<std::shared_ptr<simulated_wire>> found;
    wires.for_each([&](simulated_wire& wire) {
        auto alive = wire.weak_from_this().lock();
        if (alive && concerned(wire)) {
            found.push_back(std::move(alive));
        }
    });
    return found;
}

void simulated_network::state::try_again()
{
    const loop::turn this_turn(home);
    for (const auto& wire : wires_of([](const simulated_wire&) { return true; })) {
        wire->try_again();
    }
}

simulated_network::simulated_network(loop& home) : state_(std::make_unique<state>(home))
{
    add_host("here", {"192.0.2.1", "2001:db8::1"});
}

simulated_network::~simulated_network() = default;

simulated_host& simulated_network::add_host(std::string name, std::vector<std::string> addresses)
{
    return state_->add(std::move(name), addresses_in(addresses));
}

simulated_host& simulated_network::host(std::string_view name) const
{
    const auto found = state_->by_name.find(name);
    if (found == state_->by_name.end()) {
        throw std::out_of_range("libnet: there is no machine named '" + std::string(name) + "'");
    }
    return *found->second;
}

simulated_host& simulated_network::here() const noexcept
{
    return *state_->hosts.front();
}

void simulated_network::name(std::string name, name_record to)
{
    (void)addresses_in(to.addresses);
    state_->names.insert_or_assign(std::move(name), std::move(to));
}

void simulated_network::link_all(const impairment_options& options)
{
    const impairment checked(options);
    state_->everywhere = options;
    for (auto& [ends, line] : state_->lines) {
        if (!line.has_own_options) {
            line.course.change(options);
        }
    }
}

void simulated_network::link(simulated_host& a, simulated_host& b,
                             const impairment_options& both_ways)
{
    link_one_way(a, b, both_ways);
    link_one_way(b, a, both_ways);
}

void simulated_network::link_one_way(simulated_host& from, simulated_host& to,
                                     const impairment_options& options)
{
    simulated_line& line = state_->line(from, to);
    line.course.change(options);
    line.has_own_options = true;
}

void simulated_network::block(simulated_host& a, simulated_host& b)
{
    state_->note(a.name() + " | " + b.name(), "blocked");
    state_->line(a, b).blocked = state_->line(b, a).blocked = true;
}

void simulated_network::unblock(simulated_host& a, simulated_host& b)
{
    state_->note(a.name() + " | " + b.name(), "unblocked");
    state_->line(a, b).blocked = state_->line(b, a).blocked = false;
    state_->try_again();
}

void simulated_network::cut_connections(simulated_host& a, simulated_host& b, severance how)
{
    const loop::turn this_turn(state_->home);
    const auto between = [&](const simulated_wire& w) { return w.touches(a) && w.touches(b); };
    for (const auto& wire : state_->wires_of(between)) {
        wire->cut(how);
    }
}

impairment_counts simulated_network::counts(simulated_host& from, simulated_host& to)
{
    return state_->line(from, to).course.counts();
}

void simulated_network::seed(std::uint64_t start)
{
    state_->seed = start;
    for (auto& [ends, line] : state_->lines) {
        line.course.seed(mixed(mixed(start, line.from.name()), line.to.name()));
    }
}

void simulated_network::keep_trace()
{
    state_->trace.begin();
}

const std::string& simulated_network::trace() const noexcept
{
    return state_->trace.text();
}

}  // namespace libnet::testing
