#include "client_state.hpp"

#include <libnet/runtime/timer.hpp>

#include <boost/system/system_error.hpp>

#include <exception>
#include <new>
#include <utility>

namespace libnet {
namespace {

std::string checked_endpoint(std::string_view where)
{
    if (const auto parsed = endpoint::parse(where); parsed.has_error()) {
        throw boost::system::system_error(parsed.error(),
                                          "cannot connect to '" + std::string(where) + "'");
    }
    return std::string(where);
}

task<after_session> and_again(client::endless_session& talk, connection& peer)
{
    auto talking = talk(peer);
    co_await checked(std::move(talking));
    co_return after_session::again;
}

client::session endless(client::endless_session talk)
{
    return [talk = std::move(talk)](connection& peer) mutable { return and_again(talk, peer); };
}

}  // namespace

client::state::state(std::string name, connector d, session s, client_options o)
    : where(std::move(name)), dial(std::move(d)), talk(std::move(s)), options(std::move(o))
{
    (void)backoff(options.backoff);  // throws what is wrong with it here and not in run()
    if (!dial) {
        options.connect.on_address_failed = [this, next = options.connect.on_address_failed](
                                                const std::string& address, const error_code& why) {
            tried.push_back({address, why});
            if (next) {
                next(address, why);
            }
        };
        dial = [this] { return libnet::connect(where, options.connect); };
    }
}

client::client(std::string_view where, session talk, client_options options)
    : client(checked_endpoint(where), nullptr, std::move(talk), std::move(options))
{
}

client::client(std::string_view where, endless_session talk, client_options options)
    : client(where, endless(std::move(talk)), std::move(options))
{
}

client::client(std::string name, connector dial, session talk, client_options options)
    : state_(std::make_shared<state>(std::move(name), std::move(dial), std::move(talk),
                                     std::move(options)))
{
}

client::~client()
{
    try {
        stop();
    } catch (const std::bad_alloc&) {  // it only matters if somebody destroys a client that runs
    }
}

task<> client::run()
{
    return [](std::shared_ptr<state> s) -> task<> {
        s->begin(co_await this_loop());
        result<> outcome;
        std::exception_ptr thrown;
        try {
            auto running = s->keep_connected();
            outcome = co_await std::move(running);
        } catch (...) {
            thrown = std::current_exception();
        }
        s->end(thrown                ? make_error_code(error::cancelled)
               : outcome.has_error() ? outcome.error()
                                     : error_code());
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        co_await checked(outcome);
    }(state_);
}

task<connection_handle> client::connected()
{
    return [](std::shared_ptr<state> s) -> task<connection_handle> {
        loop& home = co_await this_loop();
        if (!s->waiting) {
            s->waiting.emplace(home);
        }
        while (s->current == nullptr) {
            if (s->ended) {
                co_return *s->ended ? *s->ended : make_error_code(error::closed);
            }
            co_await checked(s->waiting->wait());
        }
        co_return s->current->handle();
    }(state_);
}

void client::stop()
{
    const std::lock_guard lock(state_->stop_mutex);
    state_->stop_asked = true;
    if (state_->box) {
        state_->box->post([s = state_] { s->stop(); });
    }
}

client_stats client::stats() const
{
    return {.connected = state_->is_connected,
            .attempts = state_->attempts,
            .sessions = state_->sessions,
            .failures = state_->failures};
}

}  // namespace libnet
