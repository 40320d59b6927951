#include "server_state.hpp"

#include <libnet/runtime/within.hpp>
#include <libnet/transport/network.hpp>

#include <boost/system/system_error.hpp>

#include <new>
#include <stdexcept>
#include <utility>

namespace libnet {
namespace {

connection_options with_defaults_of_servers(connection_options options)
{
    if (!options.first_frame_timeout) {
        options.first_frame_timeout = server_options::default_first_frame_timeout;
    }
    if (!options.idle_timeout && !options.heartbeat) {
        options.idle_timeout = server_options::default_idle_timeout;
    }
    return options;
}

}  // namespace

server::state::state(result<endpoint> e, std::unique_ptr<listener> l, session s, server_options o)
    : where(std::move(e)),
      source(std::move(l)),
      serve(std::move(s)),
      options(std::move(o)),
      gate(options.admission),
      refusals(options.layer ? std::string() : options.refusal, options.connection.framing,
               [this] { accept_again(); })
{
    if (options.proxy.is_on() && options.proxy.trusted.empty()) {
        throw std::invalid_argument("server_options::proxy: nobody is trusted to send a header");
    }
    auto shared =
        std::make_shared<detail::connection_settings>(with_defaults_of_servers(options.connection));
    if (options.memory_budget != no_limit) {
        shared->budget = std::make_shared<detail::memory_budget>(options.memory_budget);
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
    return [](std::shared_ptr<state> s) -> task<> {
        loop& home = co_await this_loop();
        {
            const std::lock_guard lock(s->stop_mutex);
            s->home = &home;
            s->retry.emplace(home);
            s->box = home.remote();
            s->stopping = s->stop_asked;
        }
        if (!s->source) {
            network& net = detail::network_of(co_await detail::fiber_await{});
            s->source = net.listen(*s->where, s->options.socket);
        }
        if (s->settings->budget && s->options.on_memory_pressure) {
            s->settings->budget->tell([who = std::weak_ptr(s)](const memory_pressure& p) {
                if (const auto still_there = who.lock()) {
                    still_there->tell_pressure(p);
                }
            });
        }
        if (s->stopping) {  // before it began: nobody was promised anything
            s->arrivals_ended = true;
            s->source->close();
        }
        const std::string local = s->source->local();
        if (s->options.on_listening) {
            s->options.on_listening(local);
        }
        auto serve_until_stopped = [&](group& sessions) -> task<> {
            co_await s->accept_all(sessions);
            s->stop_accepting();
            (void)co_await shielded(s->options.drain_timeout, s->drain(sessions));
            s->end_sessions();
        };
        co_await checked(with_group(serve_until_stopped));
        if (s->hook_failed) {
            std::rethrow_exception(s->hook_failed);
        }
        if (s->listening_failed) {
            throw boost::system::system_error(s->listening_failed,
                                              "no longer listening on " + local);
        }
    }(state_);
}

void server::stop()
{
    const std::lock_guard lock(state_->stop_mutex);
    state_->stop_asked = true;
    if (state_->box) {
        state_->box->post([s = state_] { s->stop_accepting(); });
    }
}

void server::set_admission(const admission_limits& limits)
{
    const std::lock_guard lock(state_->stop_mutex);
    if (!state_->box) {
        state_->gate = admission(limits);
        return;
    }
    state_->box->post([s = state_, limits] {
        s->gate.set_limits(limits, s->home->now());
        s->accept_again();
    });
}

server_stats server::stats() const
{
    const auto& budget = state_->settings->budget;
    return {.accepted = state_->accepted,
            .active = state_->active,
            .refused = state_->refused,
            .accept_errors = state_->accept_errors,
            .memory = budget ? budget->used() : 0,
            .shed = budget ? budget->shed() : 0,
            .messages_received = state_->messages_received,
            .messages_sent = state_->messages_sent,
            .bytes_received = state_->bytes_received,
            .bytes_sent = state_->bytes_sent};
}

}  // namespace libnet
