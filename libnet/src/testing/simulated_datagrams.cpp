#include "simulated_datagrams.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace libnet::testing {
namespace {

namespace errc = boost::system::errc;

/// "::", as the system calls all addresses of a machine.
ip_address unspecified()
{
    static constexpr std::array<std::byte, 16> zeros{};
    return ip_address(zeros);
}

}  // namespace

simulated_datagrams::simulated_datagrams(simulated_host& machine, socket_address own,
                                         socket_address peer, std::size_t room)
    : machine_(machine),
      net_(machine.inner().net),
      ports_(machine.inner().ports),
      own_(own),
      peer_(peer),
      room_(room)
{
    ports_->datagrams[own_.port].push_back(this);
    read_.owner = write_.owner = at_the_end_.owner = this;
    using node = libnet::detail::work_node;
    read_.run = [](node& n) { static_cast<step&>(n).owner->tell_reader(); };
    write_.run = [](node& n) { static_cast<step&>(n).owner->tell_writer(); };
    at_the_end_.run = [](node& n) { static_cast<step&>(n).owner->drop(); };
    net_.home.at_shutdown(at_the_end_);
}

loop& simulated_datagrams::home() const noexcept
{
    return net_.home;
}

result<std::size_t> simulated_datagrams::receive(std::span<received_datagrams> into)
{
    std::size_t count = 0;
    for (received_datagrams& place : into) {
        if (inbox_.empty()) {
            break;
        }
        const message& next = inbox_.front();
        place.whole = place.segment = next.content.size();
        place.size = std::min(place.whole, place.room.size());
        if (place.size != 0) {
            std::memcpy(place.room.data(), next.content.data(), place.size);
        }
        place.from = next.from;
        place.to = next.to;
        room_ += next.content.size();
        inbox_.pop_front();
        ++count;
    }
    return count;
}

result<std::size_t> simulated_datagrams::send(std::span<queued_datagrams> batch)
{
    for (const queued_datagrams& queued : batch) {
        const socket_address& to = queued.to.address.empty() ? peer_ : queued.to;
        bytes rest = queued.payload;
        do {
            const std::size_t size = queued.segment == 0 ? rest.size() : queued.segment;
            const bytes one = rest.first(std::min(size, rest.size()));
            send_one(to, queued.from, one);
            rest = rest.subspan(one.size());
        } while (!rest.empty());
    }
    return batch.size();
}

void simulated_datagrams::send_one(const socket_address& to, const ip_address& from, bytes content)
{
    const auto source = !from.empty()           ? std::optional(from)
                        : !own_.address.empty() ? std::optional(own_.address)
                                                : machine_.inner().source_for(to.address);
    simulated_host* const target = source ? net_.owner(to.address, machine_) : nullptr;
    if (target == nullptr) {
        learn({to, make_error_code(source ? errc::host_unreachable : errc::network_unreachable),
               ip_address()});
        return;
    }
    const socket_address own{*source, own_.port, 0};
    simulated_line& line = net_.line(machine_, *target);
    const time_point now = net_.home.now();
    const packet_fate fate =
        line.passes() ? line.course.packet(now, content.size()) : packet_fate{.lost = true};
    if (net_.trace.on()) {
        net_.trace.note(now, own.to_string() + " > " + to.to_string(),
                        fate.lost ? "loses a datagram" : "sends a datagram", content);
    }
    if (fate.lost) {
        return;
    }
    const auto fly = [&](time_point arrives) {
        simulated_flight& flight = net_.take_off();
        flight.machine = target;
        flight.sender = &machine_;
        flight.from = own;
        flight.to = to;
        flight.content.assign(content.begin(), content.end());
        flip(flight.content, fate.flipped);
        net_.home.time().arm(flight, arrives);
    };
    fly(fate.arrives);
    if (fate.arrives_again) {
        fly(*fate.arrives_again);
    }
}

void simulated_datagrams::wait_readable(stream_events& events)
{
    reader_ = events_reference(events);
    wake();
}

void simulated_datagrams::wait_writable(stream_events& events)
{
    writer_ = events_reference(events);
    wake();
}

void simulated_datagrams::cancel_waits() noexcept
{
    reader_cancelled_ = static_cast<bool>(reader_);
    writer_cancelled_ = static_cast<bool>(writer_);
    wake();
}

void simulated_datagrams::wake()
{
    if (reader_ && !read_.linked() &&
        (!open_ || reader_cancelled_ || !inbox_.empty() || !errors_.empty())) {
        net_.home.ready(read_);
    }
    if (writer_ && !write_.linked()) {
        net_.home.ready(write_);
    }
}

void simulated_datagrams::tell_reader()
{
    const events_reference reader = std::move(reader_);
    const loop::turn this_turn(net_.home);
    const bool cancelled = std::exchange(reader_cancelled_, false) || !open_;
    reader->on_read(cancelled ? make_error_code(error::cancelled) : error_code(), 0);
}

void simulated_datagrams::tell_writer()
{
    const events_reference writer = std::move(writer_);
    const loop::turn this_turn(net_.home);
    const bool cancelled = std::exchange(writer_cancelled_, false) || !open_;
    writer->on_write(cancelled ? make_error_code(error::cancelled) : error_code(), 0);
}

std::optional<datagram_error> simulated_datagrams::take_error()
{
    if (errors_.empty()) {
        return std::nullopt;
    }
    const datagram_error next = errors_.front();
    errors_.pop_front();
    return next;
}

error_code simulated_datagrams::join(const ip_address&, std::string_view)
{
    return error::not_supported;
}

error_code simulated_datagrams::leave(const ip_address&, std::string_view)
{
    return error::not_supported;
}

socket_address simulated_datagrams::local() const
{
    return own_.address.empty() ? socket_address{unspecified(), own_.port, 0} : own_;
}

void simulated_datagrams::close() noexcept
{
    if (!std::exchange(open_, false)) {
        return;
    }
    auto& here = ports_->datagrams[own_.port];
    std::erase(here, this);
    if (here.empty()) {
        ports_->datagrams.erase(own_.port);
    }
    inbox_.clear();
    if (net_.home.shutting_down()) {
        drop();
    } else {
        wake();
    }
}

void simulated_datagrams::drop() noexcept
{
    read_.unlink();
    write_.unlink();
    const events_reference reader = std::move(reader_);
    const events_reference writer = std::move(writer_);  // the last of them may end *this
}

bool simulated_datagrams::hears(const socket_address& from, const socket_address& to) const noexcept
{
    return (own_.address.empty() || own_.address == to.address) && (!has_peer() || peer_ == from);
}

void simulated_datagrams::come(const socket_address& from, const ip_address& to,
                               std::vector<std::byte> content)
{
    if (content.size() > room_) {
        ++dropped_;
        return;
    }
    room_ -= content.size();
    inbox_.push_back({from, to, std::move(content)});
    wake();
}

void simulated_datagrams::learn(const datagram_error& error)
{
    if (errors_.size() < most_errors) {
        errors_.push_back(error);
    }
    wake();
}

/// Connected ones before those that hear everybody.
simulated_datagrams* simulated_ports::find_datagrams(const socket_address& from,
                                                     const socket_address& to) const
{
    const auto at = datagrams.find(to.port);
    simulated_datagrams* found = nullptr;
    if (at != datagrams.end()) {
        for (simulated_datagrams* const socket : at->second) {
            if (socket->hears(from, to) && (found == nullptr || socket->has_peer())) {
                found = socket;
            }
        }
    }
    return found;
}

simulated_flight::simulated_flight(simulated_network::state& n) noexcept
    : timer_node([](timer_node& node) { static_cast<simulated_flight&>(node).land(); }), net(n)
{
}

simulated_flight& simulated_network::state::take_off()
{
    const auto place = flights.emplace(flights.end(), *this);
    place->place = place;
    return *place;
}

void simulated_flight::land()
{
    const auto& host = machine->inner();
    if (!host.down || *host.down == outage::refused) {
        simulated_datagrams* const socket =
            host.down ? nullptr : host.ports->find_datagrams(from, to);
        if (refused) {
            if (socket != nullptr) {
                socket->learn({from, refused, from.address});
            }
        } else if (socket != nullptr) {
            if (net.trace.on()) {
                net.trace.note(net.home.now(), from.to_string() + " > " + to.to_string(),
                               "datagram arrives", content);
            }
            socket->come(from, to.address, std::move(content));
        } else {
            refuse();
        }
    }
    net.flights.erase(place);
}

/// Nobody is on that port, and the machine says so.
void simulated_flight::refuse()
{
    simulated_line& back = net.line(*machine, *sender);
    const packet_fate fate =
        back.passes() ? back.course.packet(net.home.now(), 0) : packet_fate{.lost = true};
    net.note(to.to_string() + " > " + from.to_string(), "refuses a datagram");
    if (!fate.lost) {
        simulated_flight& news = net.take_off();
        news.machine = sender;
        news.sender = machine;
        news.from = to;
        news.to = from;
        news.refused = make_error_code(errc::connection_refused);
        net.home.time().arm(news, fate.arrives);
    }
}

}  // namespace libnet::testing
