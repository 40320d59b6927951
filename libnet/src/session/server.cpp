#include "connection_core.hpp"
#include "server_defaults.hpp"
#include "server_state.hpp"

#include <libnet/runtime/within.hpp>
#include <libnet/transport/network.hpp>

#include <boost/system/system_error.hpp>

#include <new>
#include <stdexcept>
#include <utility>

namespace libnet {
namespace {

/// Says where sessions are started, as long as they can be.
class service {
public:
    service(group*& place, group& sessions) noexcept : place_(place) { place_ = &sessions; }
    service(const service&) = delete;
    service& operator=(const service&) = delete;
    ~service() { place_ = nullptr; }

private:
    group*& place_;
};

}  // namespace

server::state::state(result<endpoint> e, std::unique_ptr<listener> l, session s, server_options o)
    : where(std::move(e)),
      source(std::move(l)),
      serve(std::move(s)),
      options(std::move(o)),
      gate(std::make_shared<detail::admission_gate>(options.admission)),
      refusals(options.layer ? std::string() : options.refusal, options.connection.framing,
               [this] { accept_again(); })
{
    if (options.proxy.is_on() && options.proxy.trusted.empty()) {
        throw std::invalid_argument("server_options::proxy: nobody is trusted to send a header");
    }
    auto shared = std::make_shared<detail::connection_settings>(
        detail::with_defaults_of_servers(options.connection));
    if (options.memory_budget != no_limit) {
        budget = std::make_shared<detail::memory_budget>(options.memory_budget);
        shared->budget = budget;
    }
    settings = std::move(shared);
}

/// The budget cannot be kept waiting by an exception: the server ends with it.
void server::state::tell_pressure(const memory_pressure& p) noexcept
{
    try {
        options.on_memory_pressure(p);
    } catch (...) {
        fail_hook();
    }
}

server::server(std::string_view where, session serve)
    : server(where, std::move(serve), server_options())
{
}

server::server(std::unique_ptr<listener> source, session serve)
    : server(std::move(source), std::move(serve), server_options())
{
}

server::server(std::string_view where, session serve, server_options options)
    : state_(std::make_shared<state>(endpoint::parse(where), nullptr, std::move(serve),
                                     std::move(options)))
{
    if (state_->where.has_error()) {
        throw boost::system::system_error(state_->where.error(),
                                          "cannot listen on '" + std::string(where) + "'");
    }
}

server::server(std::unique_ptr<listener> source, session serve, server_options options)
    : state_(std::make_shared<state>(error::invalid_endpoint, std::move(source), std::move(serve),
                                     std::move(options)))
{
}

server::~server()
{
    try {
        stop();
    } catch (const std::bad_alloc&) {  // it only matters if somebody destroys a server that runs
    }
}

task<> server::run()
{
    return [](std::shared_ptr<state> s) -> task<> { co_await checked(s->run()); }(state_);
}

task<> server::run(shards& over)
{
    return [](std::shared_ptr<state> s, shards& all) -> task<> {
        co_await checked(s->run_over(all));
    }(state_, over);
}

task<> server::state::run()
{
    move_to(co_await this_loop());
    if (!source) {
        network& net = detail::network_of(co_await detail::fiber_await{});
        source = net.listen(*where, options.socket);
    }
    close_if_stopped_already();
    if (options.on_listening) {
        options.on_listening(source->local());
    }
    co_await checked(serve_until_stopped());
}

/// Before it began: nobody was promised anything.
void server::state::close_if_stopped_already() noexcept
{
    if (source && stopping) {
        arrivals_ended = true;
        source->close();
    }
}

void server::state::move_to(loop& here)
{
    const std::lock_guard lock(stop_mutex);
    home = &here;
    retry.emplace(here);
    box = here.remote();
    stopping = stop_asked;
}

task<> server::state::serve_until_stopped()
{
    if (settings->budget && options.on_memory_pressure) {
        settings->budget->tell([who = weak_from_this()](const memory_pressure& p) {
            if (const auto still_there = who.lock()) {
                still_there->tell_pressure(p);
            }
        });
    }
    const std::string local = source ? source->local() : "";
    auto serving = [this](group& all) -> task<> {
        const service here(in_service, all);
        auto accepting = source ? accept_all(all) : wait_until_stopped();
        co_await std::move(accepting);
        stop_accepting();
        if (const auto others = whole.lock()) {
            others->stop();
        }
        (void)co_await shielded(options.drain_timeout, drain(all));
        end_sessions();
    };
    co_await checked(with_group(serving));
    if (hook_failed) {
        std::rethrow_exception(hook_failed);
    }
    if (listening_failed) {
        throw boost::system::system_error(listening_failed, "no longer listening on " + local);
    }
}

void server::stop()
{
    state_->stop();
}

void server::state::stop()
{
    const std::lock_guard lock(stop_mutex);
    stop_asked = true;
    if (box) {
        box->post([s = shared_from_this()] { s->stop_accepting(); });
    }
}

void server::set_admission(const admission_limits& limits)
{
    const std::lock_guard lock(state_->stop_mutex);
    if (!state_->box) {
        state_->gate->begin_with(limits);
        return;
    }
    state_->box->post([s = state_, limits] {
        s->gate->set_limits(limits, s->home->now());
        s->accept_again();
    });
}

void server::reconfigure(server_options changed)
{
    state_->reconfigure(std::move(changed));
}

/// On its loop's thread, unless it has none yet.
void server::state::reconfigure(server_options changed)
{
    const std::lock_guard lock(stop_mutex);
    if (!box) {
        apply(changed);
        return;
    }
    box->post([s = shared_from_this(), changed = std::move(changed)] {
        s->apply(changed);
        const std::lock_guard of_parts(s->stop_mutex);
        for (const auto& part : s->parts) {
            part->reconfigure(changed);
        }
    });
}

/// What clients have agreed to stays: how messages are framed, and what is a heartbeat. The gate is the
/// whole's business.
void server::state::apply(const server_options& changed)
{
    options.surplus = changed.surplus;
    options.drain_timeout = changed.drain_timeout;
    options.drain_grace = changed.drain_grace;
    connection_options chosen = changed.connection;
    chosen.framing = settings->options.framing;
    chosen.heartbeat = settings->options.heartbeat;
    auto shared = std::make_shared<detail::connection_settings>(
        detail::with_defaults_of_servers(std::move(chosen)));
    shared->budget = budget;
    settings = std::move(shared);
    served.for_each(
        [this](served_client& c) { detail::connection_access::core(c.peer).use(settings); });
    const bool is_part = !whole.expired();
    if (!is_part && home == nullptr) {
        gate->begin_with(changed.admission);
    } else if (!is_part) {
        gate->set_limits(changed.admission, home->now());
    }
    accept_again();
}

void server::hand_over()
{
    const std::lock_guard lock(state_->stop_mutex);
    state_->stop_asked = true;
    if (state_->box) {
        state_->box->post([s = state_] { s->hand_over(); });
    }
}

int server::native_handle() const noexcept
{
    return state_->source ? state_->source->native_handle() : -1;
}

server_stats server::stats() const
{
    server_stats sum;
    state_->add_to(sum);
    const std::lock_guard lock(state_->stop_mutex);
    for (const auto& part : state_->parts) {
        part->add_to(sum);
    }
    return sum;
}

void server::state::add_to(server_stats& sum) const
{
    sum.accepted += accepted;
    sum.active += active;
    sum.refused += refused;
    sum.accept_errors += accept_errors;
    if (budget) {
        sum.memory += budget->used();
        sum.shed += budget->shed();
    }
    sum.messages_received += messages_received;
    sum.messages_sent += messages_sent;
    sum.bytes_received += bytes_received;
    sum.bytes_sent += bytes_sent;
}

}  // namespace libnet
