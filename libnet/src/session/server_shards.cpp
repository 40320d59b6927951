#include "../transport/moved_socket.hpp"
#include "server_state.hpp"

#include <libnet/policy/hand_out.hpp>
#include <libnet/runtime/shards.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/transport/network.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <new>
#include <utility>

/// A server over shards: a part on each, and whoever accepts for them or sees to it that they end together.
///
///     socket.reuse_port          each part listens and accepts, as a server does
///     otherwise                  the whole accepts: gate -> hand_out() -- newcomer --> take_in() of a part
namespace libnet {

/// Who gets the next client, and what each was given.
struct server::state::distribution {
    explicit distribution(shards& s) : to(s), given(s.size()), loads(s.size()) {}

    shards& to;
    libnet::hand_out rule;
    std::vector<std::uint64_t> given;  // to each, since the start
    std::vector<std::uint64_t> loads;
};

/// A client that was let in, on its way to its part. The gate counts it, and nobody else yet.
class server::state::newcomer {
public:
    newcomer(std::shared_ptr<detail::admission_gate> gate, stream& from, place in)
        : gate_(std::move(gate)), socket_(from), who_(in.take())
    {
    }
    newcomer(const newcomer&) = delete;
    newcomer& operator=(const newcomer&) = delete;
    ~newcomer()
    {
        if (gate_) {
            gate_->leave(who_);
        }
    }

    std::unique_ptr<stream> arrive(loop& here) { return socket_.arrive(here); }

    place sit_down(state& part) noexcept
    {
        gate_.reset();
        return {part, who_};
    }

private:
    std::shared_ptr<detail::admission_gate> gate_;
    detail::moved_socket socket_;
    ip_address who_;
};

task<> server::state::run_over(shards& all)
{
    struct leaving {
        state& s;
        ~leaving() { s.beside_others.reset(); }
    };
    const leaving at_the_end{*this};
    move_to(co_await this_loop());
    make_parts(all.size());
    std::string local;
    if (each_part_listens()) {
        local = co_await checked(listen_everywhere(all));
    } else {
        if (!source) {
            source =
                detail::network_of(co_await detail::fiber_await{}).listen(*where, options.socket);
        }
        local = source->local();
        handing_out = std::make_shared<distribution>(all);
        look_at_others();
    }
    close_if_stopped_already();
    if (options.on_listening) {
        options.on_listening(local);
    }
    co_await checked(serve_over(all));
    if (hook_failed) {
        std::rethrow_exception(hook_failed);
    }
    if (listening_failed) {
        throw boost::system::system_error(listening_failed, "no longer listening on " + local);
    }
}

/// The parts stop when the whole does, behind the last client that it gave them, and drain by themselves.
task<> server::state::serve_over(shards& all)
{
    auto serving = [&](group& tasks) -> task<> {
        tasks.start(run_parts(all));
        co_await checked(parts_are_in_service(all));
        auto accepting = handing_out ? accept_all(tasks) : wait_until_stopped();
        co_await std::move(accepting);
        stop_accepting();
        (void)co_await shielded(options.drain_timeout, take_in_the_rest(tasks));
        for (const auto& part : parts) {
            part->stop();
        }
        co_await checked(shielded(never, tasks.join()));
    };
    co_await checked(with_group(serving));
}

/// Those of a Unix socket, and of somebody else's listener, exist once.
bool server::state::each_part_listens() const
{
    return options.socket.reuse_port && !source && !where->is_unix();
}

/// Limits of admission are those of the gate, which is shared; memory is divided.
void server::state::make_parts(std::size_t count)
{
    server_options of_part = options;
    of_part.on_listening = nullptr;
    if (of_part.memory_budget != no_limit) {
        of_part.memory_budget = std::max<std::size_t>(of_part.memory_budget / count, 1);
    }
    const std::lock_guard lock(stop_mutex);
    for (std::size_t i = 0; i < count; ++i) {
        auto part = std::make_shared<state>(where, nullptr, serve, of_part);
        part->gate = gate;
        part->whole = weak_from_this();
        parts.push_back(std::move(part));
    }
}

/// The first one finds the port where the kernel may choose, the others join it.
task<std::string> server::state::listen_everywhere(shards& all)
{
    const auto listen = [](std::shared_ptr<state> part, endpoint at) -> task<std::string> {
        network& net = detail::network_of(co_await detail::fiber_await{});
        part->source = net.listen(at, part->options.socket);
        co_return part->source->local();
    };
    endpoint at = *where;
    std::string first;
    std::exception_ptr failure;
    for (std::size_t i = 0; i < all.size() && !failure; ++i) {
        try {
            const std::string local = co_await checked(all.on(i, listen, parts[i], at));
            if (i == 0) {
                first = local;
                at.port = endpoint::parse(local)->port;
            }
        } catch (...) {
            failure = std::current_exception();
        }
    }
    if (failure) {
        co_await checked(close_everywhere(all));
        std::rethrow_exception(failure);
    }
    co_return first;
}

/// Sockets go where they came from.
task<> server::state::close_everywhere(shards& all)
{
    const auto close = [](std::shared_ptr<state> part) { part->source.reset(); };
    for (std::size_t i = 0; i < all.size(); ++i) {
        (void)co_await all.on(i, close, parts[i]);
    }
}

task<> server::state::run_parts(shards& all)
{
    const auto part = [own = shared_from_this()](std::size_t i) {
        return own->parts[i]->serve_as_part();
    };
    co_await checked(all.on_each(part));
}

/// Or have ended, which run_parts() tells.
task<> server::state::parts_are_in_service(shards& all)
{
    const auto has_begun = [](std::shared_ptr<state> part) -> task<> {
        while (part->in_service == nullptr && !part->stopping) {
            co_await checked(yield());
        }
    };
    for (std::size_t i = 0; i < all.size(); ++i) {
        co_await checked(all.on(i, has_begun, parts[i]));
    }
}

task<> server::state::serve_as_part()
{
    struct leaving {
        state& s;
        ~leaving()
        {
            s.beside_others.reset();
            s.source.reset();
        }
    };
    const leaving at_the_end{*this};
    move_to(co_await this_loop());
    close_if_stopped_already();
    if (source) {
        look_at_others();
    }
    co_await checked(serve_until_stopped());
}

/// Room for our clients may be made by others.
void server::state::look_at_others()
{
    beside_others.emplace(*gate, box, [who = weak_from_this()] {
        if (const auto still_there = who.lock()) {
            still_there->accept_again();
        }
    });
}

void server::state::hand_out(std::unique_ptr<stream> transport, place in)
{
    distribution& d = *handing_out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::uint64_t on_their_way = d.given[i] - parts[i]->arrived;
        d.loads[i] = on_their_way + parts[i]->active;
    }
    const auto client = std::make_shared<newcomer>(gate, *transport, std::move(in));
    const std::size_t chosen = d.rule.next(d.loads);
    if (d.to.post(chosen, [part = parts[chosen], client] { part->take_in(*client); })) {
        ++d.given[chosen];
    }
}

/// On the part's thread. A server that has ended takes nobody in.
void server::state::take_in(newcomer& client) noexcept
{
    ++arrived;
    error_code failed;
    try {
        if (in_service == nullptr) {
            return;
        }
        auto transport = client.arrive(*home);
        begin(*in_service, std::move(transport), client.sit_down(*this));
        return;
    } catch (const std::bad_alloc&) {
        failed = make_error_code(boost::system::errc::not_enough_memory);
    } catch (const boost::system::system_error& cannot) {
        failed = cannot.code();
    }
    ++accept_errors;
    try {
        if (options.on_accept_error) {
            options.on_accept_error(failed, duration::zero());
        }
    } catch (...) {
        fail_hook();
    }
}

}  // namespace libnet
