#include "simulated_wire.hpp"

#include "memory_stream.hpp"

#include <algorithm>
#include <utility>

namespace libnet::testing {

simulated_wire::alarm::alarm(side& s) noexcept
    : timer_node([](timer_node& node) { static_cast<alarm&>(node).told.learn_of_reset(); }), told(s)
{
}

simulated_wire::side::side(simulated_wire& w, simulated_line& l)
    : wire(w), line(l), carries(w.net_.home, {}, this), reset_comes(*this)
{
}

chunk_fate simulated_wire::side::depart(mutable_bytes content)
{
    if (wire.silenced_) {
        return {.passes = 0, .then = chunk_fate::sequel::silence};
    }
    if (!line.passes()) {
        note("holds", content);
        return {};
    }
    const time_point now = wire.net_.home.now();
    chunk_fate fate = line.course.chunk(course, now, content.size());
    if (wire.net_.trace.on()) {
        note("sends", content.first(fate.passes));
        if (fate.then != chunk_fate::sequel::goes_on) {
            note(fate.then == chunk_fate::sequel::cut ? "is cut" : "falls silent");
        }
    }
    return fate;
}

time_point simulated_wire::side::end_departs()
{
    if (wire.silenced_ || !line.passes()) {
        return end_of_time;
    }
    const chunk_fate fate = line.course.chunk(course, wire.net_.home.now(), 0);
    if (fate.then != chunk_fate::sequel::goes_on) {
        return end_of_time;
    }
    note("ends");
    return fate.arrives;
}

void simulated_wire::side::arrived(bytes content)
{
    note("arrive", content);
}

void simulated_wire::side::end_arrived()
{
    note("end arrives");
}

/// As a kernel does, the other end answers bytes that nobody reads with a reset.
void simulated_wire::side::unwanted()
{
    side& refusing = other();
    if (wire.silenced_ || !refusing.line.passes() || reset_comes.armed()) {
        return;
    }
    const packet_fate fate = refusing.line.course.packet(wire.net_.home.now(), 0);
    refusing.note(fate.lost ? "loses a reset" : "resets");
    if (!fate.lost) {
        wire.net_.home.time().arm(reset_comes, std::max(fate.arrives, refusing.course.last));
    }
}

void simulated_wire::side::cut()
{
    wire.cut(severance::reset);
}

void simulated_wire::side::learn_of_reset()
{
    carries.reset_writer();
    other().carries.reset_reader();
}

void simulated_wire::side::note(std::string_view what) const
{
    note(what, bytes());
}

void simulated_wire::side::note(std::string_view what, bytes content) const
{
    network_trace& trace = wire.net_.trace;
    if (!trace.on()) {
        return;
    }
    const bool there = this == &wire.client_;
    const name& from = there ? wire.client_name_ : wire.server_name_;
    const name& to = there ? wire.server_name_ : wire.client_name_;
    const std::string where = from.text + " > " + to.text;
    if (content.empty()) {
        trace.note(wire.net_.home.now(), where, what);
    } else {
        trace.note(wire.net_.home.now(), where, what, content);
    }
}

simulated_wire::simulated_wire(simulated_network::state& net, simulated_line& there,
                               simulated_line& back, name client, name server)
    : net_(net),
      client_name_(std::move(client)),
      server_name_(std::move(server)),
      client_(*this, there),
      server_(*this, back)
{
    net_.wires.push_back(*this);
}

std::unique_ptr<stream> simulated_wire::end_of(side& own, const name& local, const name& peer)
{
    using pipe = std::shared_ptr<stream_pair::pipe>;
    const auto self = shared_from_this();
    return std::make_unique<memory_stream>(net_.home, pipe(self, &own.other().carries),
                                           pipe(self, &own.carries), local.text, peer.text,
                                           peer.address.address);
}

std::unique_ptr<stream> simulated_wire::client_end(std::shared_ptr<void> port)
{
    port_ = std::move(port);
    return end_of(client_, client_name_, server_name_);
}

std::unique_ptr<stream> simulated_wire::server_end(time_point established)
{
    server_.course.last = established;
    return end_of(server_, server_name_, client_name_);
}

bool simulated_wire::touches(const simulated_host& host) const noexcept
{
    return &client_.line.from == &host || &client_.line.to == &host;
}

void simulated_wire::cut(severance how)
{
    if (how == severance::silence) {
        client_.note("is cut in silence");
        silenced_ = true;
    } else {
        client_.note("is cut");
        client_.learn_of_reset();
        server_.learn_of_reset();
    }
}

void simulated_wire::crash(const simulated_host& host)
{
    side& gone = &client_.line.from == &host ? client_ : server_;
    gone.other().unwanted();
    gone.learn_of_reset();
}

void simulated_wire::try_again()
{
    client_.carries.try_again();
    server_.carries.try_again();
}

}  // namespace libnet::testing
