#include "simulated_listener.hpp"
#include "simulated_state.hpp"
#include "simulated_wire.hpp"

#include <libnet/runtime/timer.hpp>

#include <boost/system/errc.hpp>

#include <algorithm>
#include <optional>
#include <utility>

/// How a connection comes about.
namespace libnet::testing {
namespace {

namespace errc = boost::system::errc;

constexpr duration first_pause = std::chrono::seconds(1);
constexpr int most_attempts = 7;

/// The port that a client is lent.
class lent_port {
public:
    explicit lent_port(std::shared_ptr<simulated_ports> ports) : ports_(std::move(ports))
    {
        auto& lent = ports_->lent;
        for (std::size_t tries = 0; tries < lent.size() && number_ == 0; ++tries) {
            const std::size_t at = ports_->next++ % lent.size();
            if (!lent[at]) {
                lent[at] = true;
                number_ = static_cast<std::uint16_t>(simulated_ports::first_lent + at);
            }
        }
    }
    lent_port(const lent_port&) = delete;
    lent_port& operator=(const lent_port&) = delete;
    ~lent_port()
    {
        if (number_ != 0) {
            ports_->lent[number_ - simulated_ports::first_lent] = false;
        }
    }

    std::uint16_t number() const noexcept { return number_; }  // 0: there is none left

private:
    std::shared_ptr<simulated_ports> ports_;
    std::uint16_t number_ = 0;
};

/// One packet of the handshake; when it arrives, or the end of time.
time_point send(simulated_line& line)
{
    return line.passes() ? line.course.packet(line.from.inner().net.home.now(), 0).arrives
                         : end_of_time;
}

/// An attempt to connect, up to its end or to its being repeated.
struct attempt {
    simulated_network::state& net;
    simulated_host& from;
    simulated_host& to;
    socket_address own;
    socket_address other;
    std::shared_ptr<lent_port> port;

    /// Nothing: nobody has answered.
    task<std::unique_ptr<stream>> once();

    void note(std::string_view what) const
    {
        if (net.trace.on()) {
            net.note(own.to_string() + " > " + other.to_string(), what);
        }
    }
};

task<std::unique_ptr<stream>> attempt::once()
{
    simulated_line& there = net.line(from, to);
    simulated_line& back = net.line(to, from);
    note("connects");
    if (to.inner().down == outage::unreachable && !from.inner().down && !there.blocked) {
        co_await checked(sleep_for(2 * there.course.options().delay));
        co_return make_error_code(errc::host_unreachable);
    }
    const time_point arrives = send(there);
    if (arrives == end_of_time) {
        co_return std::unique_ptr<stream>();
    }
    co_await checked(sleep_until(arrives));
    const time_point answered = send(back);
    simulated_listener* const listening =
        to.inner().down == outage::refused ? nullptr : to.inner().ports->find(other);
    if (answered == end_of_time || (listening != nullptr && listening->full())) {
        co_return std::unique_ptr<stream>();
    }
    if (listening == nullptr) {
        co_await checked(sleep_until(answered));
        note("is refused");
        co_return make_error_code(errc::connection_refused);
    }
    const auto wire = std::make_shared<simulated_wire>(
        net, there, back, simulated_wire::name{own, own.to_string()},
        simulated_wire::name{other, other.to_string()});
    auto client = wire->client_end(std::move(port));
    listening->come(wire->server_end(answered));
    co_await checked(sleep_until(answered));
    note("is connected");
    co_return std::move(client);
}

}  // namespace

task<std::unique_ptr<stream>> simulated_host::connect(socket_address to, socket_options)
{
    simulated_network::state& net = state_->net;
    const auto source = state_->source_for(to.address);
    if (!source) {
        co_return make_error_code(errc::network_unreachable);
    }
    simulated_host* const target = net.owner(to.address, *this);
    if (target == nullptr) {
        co_return make_error_code(errc::host_unreachable);
    }
    auto port = std::make_shared<lent_port>(state_->ports);
    if (port->number() == 0) {
        co_return make_error_code(errc::address_not_available);
    }
    const socket_address own{*source, port->number(), 0};
    attempt connecting{net, *this, *target, own, to, std::move(port)};
    duration pause = first_pause;
    for (int n = 0; n < most_attempts; ++n, pause *= 2) {
        const time_point next = add(net.home.now(), pause);
        auto trying = connecting.once();
        auto connected = co_await std::move(trying);
        if (connected.has_error() || *connected != nullptr) {
            co_return std::move(connected);
        }
        co_await checked(sleep_until(next));
    }
    co_return make_error_code(errc::timed_out);
}

task<std::unique_ptr<stream>> simulated_host::connect_path(std::string path, socket_options)
{
    simulated_network::state& net = state_->net;
    const auto found = state_->ports->paths.find(path);
    if (found == state_->ports->paths.end()) {
        co_return make_error_code(path.starts_with('@') ? errc::connection_refused
                                                        : errc::no_such_file_or_directory);
    }
    if (found->second->full()) {
        co_return make_error_code(errc::resource_unavailable_try_again);
    }
    simulated_line& loopback = net.line(*this, *this);
    const simulated_wire::name name{{}, "unix:" + path};
    const auto wire = std::make_shared<simulated_wire>(net, loopback, loopback, name, name);
    auto client = wire->client_end(nullptr);
    found->second->come(wire->server_end(net.home.now()));
    co_return std::move(client);
}

}  // namespace libnet::testing
