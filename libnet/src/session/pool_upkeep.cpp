#include "pool_state.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <algorithm>
#include <exception>
#include <new>
#include <stdexcept>
#include <utility>

/// What run() does: connections are made, checked, replaced.
namespace libnet::detail {
namespace {

/// Without a check there is none.
pool_options in_force(pool_options options)
{
    if (!options.check) {
        options.lending.check_after = options.lending.check_every = never;
    }
    return options;
}

pool_state& pool_of(void* source) noexcept
{
    return *static_cast<pool_state*>(source);
}

constexpr operation_vtable<void> waiting_for_work{
    [](void* p, operation_arguments) { return pool_of(p).poll_work(); },
    [](void*) -> result<> { return {}; },
    [](void* p, operation_waiter<void>& w) { pool_of(p).wait_for_work(w); },
    [](void* p, operation_waiter<void>&) noexcept { pool_of(p).stop_waiting_for_work(); },
    [](void* p) -> loop& { return pool_of(p).home(); },
};

}  // namespace

pool_state::pool_state(std::vector<std::string> where, pool_options options)
    : where_(std::move(where)),
      options_(in_force(std::move(options))),
      rules_(where_.size(), options_.lending),
      places_(options_.lending.max_size),
      last_failures_(where_.size()),
      soonest_(std::min(options_.lending.idle_timeout, options_.lending.check_every))
{
    for (std::size_t n = 0; n != places_.size(); ++n) {
        watch& w = places_[n].on_input;
        w.pool = this;
        w.place = n;
        w.run = [](work_node& node) {
            const auto& fired = static_cast<watch&>(node);
            fired.pool->lose(fired.place);
        };
    }
    at_shutdown_.pool = this;
    at_shutdown_.run = [](work_node& node) { static_cast<watch&>(node).pool->abandon_loop(); };
}

pool_state::~pool_state()
{
    abandon_loop();
}

pool_state::alarm::alarm(pool_state& p) noexcept
    : timer_node([](timer_node& node) {
          pool_state& self = *static_cast<alarm&>(node).pool;
          self.refuse_overdue();
          self.wake();
      }),
      pool(&p)
{
}

loop& pool_state::home() const
{
    if (home_ == nullptr) {
        throw std::logic_error("libnet::pool: belongs to no loop before run()");
    }
    return *home_;
}

void pool_state::settle_in(loop& l) noexcept
{
    if (home_ == nullptr) {
        home_ = &l;
        l.at_shutdown(at_shutdown_);
    }
}

/// The loop ends, or we do: what belongs to it goes now.
void pool_state::abandon_loop() noexcept
{
    at_shutdown_.unlink();
    if (alarm_.armed()) {
        alarm_.armed_on->disarm(alarm_);
    }
    for (std::size_t n = 0; n != places_.size(); ++n) {
        take_off(n);
    }
    draining_ = true;
    rules_.drain();
    home_ = nullptr;
}

task<> pool_state::run()
{
    loop& here = co_await this_loop();
    settle_in(here);
    auto work_until_drained = [this](group& tasks) -> task<> {
        (void)co_await work(tasks);
        drain();
        tasks.cancel();  // what is being made or checked is of no use any more
        (void)co_await shielded(options_.drain_timeout, finish(tasks));
        end_lent(error::drain_timeout);
    };
    co_await checked(with_group(work_until_drained));
    if (alarm_.armed()) {
        alarm_.armed_on->disarm(alarm_);
    }
}

task<> pool_state::work(group& tasks)
{
    while (!draining_) {
        perform(tasks);
        operation<> work(this, waiting_for_work);
        co_await checked(std::move(work));
    }
}

task<> pool_state::finish(group& tasks)
{
    for (;;) {
        perform(tasks);
        if (rules_.stats().size == 0) {
            co_return;
        }
        operation<> work(this, waiting_for_work);
        co_await checked(std::move(work));
    }
}

void pool_state::perform(group& tasks)
{
    using kind = lending::action::kind;
    has_work_ = false;
    const time_point t = now();
    for (;;) {
        const auto next = rules_.next(t, home_->random());
        switch (next.what) {
        case kind::none: due_ = rules_.due(t); return;
        case kind::open:
            places_[next.place].endpoint = next.endpoint;
            try {
                tasks.start(open(next.place, next.endpoint));
            } catch (const std::bad_alloc&) {
                rules_.open_failed(next.place, t, home_->random());
            }
            break;
        case kind::check: {
            slot& p = places_[next.place];
            core(p).end_watch(p.on_input);
            try {
                tasks.start(check(next.place));
            } catch (const std::bad_alloc&) {
                rules_.check_failed(next.place, t, home_->random());
                take_off(next.place);
            }
            break;
        }
        case kind::drop: take_off(next.place); break;
        case kind::refuse: answer(*next.whose, failed<lease>(next.why)); break;
        case kind::lend: deliver(next, t); break;
        }
    }
}

task<> pool_state::open(std::size_t n, std::size_t endpoint)
{
    std::exception_ptr thrown;
    error_code why = error::no_value;
    try {
        auto made = co_await make(endpoint);
        if (made) {
            places_[n].peer.emplace(std::move(*made));
            if (rules_.opened(n, now(), home_->random())) {
                watch_idle(n);
            } else {
                take_off(n);
            }
            wake();
            co_return;
        }
        why = made.error();
    } catch (...) {
        thrown = std::current_exception();
    }
    last_failures_[endpoint] = why;
    rules_.open_failed(n, now(), home_->random());
    wake();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
}

task<connection> pool_state::make(std::size_t endpoint)
{
    const duration limit = options_.connect.connect_timeout;
    const std::string& where = where_[endpoint];
    task<connection> making = options_.connector
                                  ? lift(within(limit, options_.connector(where)))
                                  : connect(where, options_.connect);
    connection peer = co_await checked(std::move(making));
    if (options_.prepare) {
        auto preparing = within(limit, options_.prepare(peer));
        co_await checked(std::move(preparing));
    }
    co_return std::move(peer);
}

task<> pool_state::check(std::size_t n)
{
    slot& p = places_[n];
    std::exception_ptr thrown;
    bool good = false;
    try {
        auto checking = within(options_.lending.check_timeout, options_.check(*p.peer));
        const auto outcome = co_await std::move(checking);
        good = outcome.has_value() && !core(p).has_unread_input();
    } catch (...) {
        thrown = std::current_exception();
    }
    if (!good) {
        rules_.check_failed(n, now(), home_->random());
        take_off(n);
    } else if (rules_.checked(n, now())) {
        watch_idle(n);
    } else {
        take_off(n);
    }
    wake();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
}

// ---- when there is something to do --------------------------------------------------------------

readiness pool_state::poll_work() const noexcept
{
    return has_work_ ? readiness::value : readiness::pending;
}

void pool_state::wait_for_work(operation_waiter<void>& w)
{
    worker_ = &w;
    home_->time().arm(alarm_, due_);
}

void pool_state::stop_waiting_for_work() noexcept
{
    worker_ = nullptr;
}

void pool_state::wake() noexcept
{
    has_work_ = true;
    if (worker_ != nullptr) {
        std::exchange(worker_, nullptr)->complete({});
    } else if (home_ != nullptr && rules_.stats().waiting != 0) {
        // Nobody runs us, or not yet: at least nobody waits for ever.
        home_->time().arm(alarm_, rules_.due(now()));
    }
}

void pool_state::refuse_overdue() noexcept
{
    for (;;) {
        const auto next = rules_.next_refusal(now());
        if (next.what == lending::action::kind::none) {
            return;
        }
        answer(*next.whose, failed<lease>(next.why));
    }
}

void pool_state::drain()
{
    draining_ = true;
    rules_.drain();
    if (home_ != nullptr) {
        const loop::turn this_turn(*home_);
        refuse_overdue();
        wake();
    }
}

void pool_state::close()
{
    drain();
    end_lent(error::closed);
}

void pool_state::end_lent(error why) noexcept
{
    for (slot& p : places_) {
        if (p.lent && p.peer) {
            p.peer->fail(why);
        }
    }
}

std::vector<pool_endpoint> pool_state::endpoints() const
{
    std::vector<pool_endpoint> all;
    for (std::size_t e = 0; e != where_.size(); ++e) {
        all.push_back({.where = where_[e],
                       .size = rules_.size_of(e),
                       .in_use = rules_.in_use_of(e),
                       .state = rules_.state_of(e),
                       .ejected = home_ != nullptr && rules_.ejected(e, now()),
                       .last_failure = last_failures_[e]});
    }
    return all;
}

}  // namespace libnet::detail
