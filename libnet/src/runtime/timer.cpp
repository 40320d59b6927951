#include <libnet/runtime/timer.hpp>

#include <utility>

namespace libnet {

struct timer::source {
    static detail::readiness poll(void* self, detail::operation_arguments)
    {
        const auto& t = *static_cast<timer*>(self);
        return t.due_ <= t.loop_.now() ? detail::readiness::value : detail::readiness::pending;
    }
    static result<> take(void*) { return {}; }
    static void start(void* self, detail::operation_waiter<void>& w)
    {
        auto& t = *static_cast<timer*>(self);
        t.waiter_ = &w;
        t.loop_.time().arm(t.expiry_, t.due_);
    }
    static void abandon(void* self, detail::operation_waiter<void>&) noexcept
    {
        auto& t = *static_cast<timer*>(self);
        t.waiter_ = nullptr;
        if (t.expiry_.armed()) {
            t.expiry_.armed_on->disarm(t.expiry_);
        }
    }
    static loop& home(void* self) { return static_cast<timer*>(self)->loop_; }

    static constexpr detail::operation_vtable<void> table{poll, take, start, abandon, home};
};

timer::expiry::expiry(timer& t) noexcept
    : timer_node([](timer_node& node) {
          timer& self = *static_cast<expiry&>(node).owner;
          std::exchange(self.waiter_, nullptr)->complete({});
      }),
      owner(&t)
{
}

timer::timer(loop& l) noexcept : loop_(l), expiry_(*this) {}

void timer::expires_at(time_point when)
{
    due_ = when;
    if (waiter_ != nullptr) {
        loop_.time().arm(expiry_, due_);
    }
}

void timer::expires_after(duration wait)
{
    expires_at(add(loop_.now(), wait));
}

void timer::cancel()
{
    due_ = end_of_time;
    if (waiter_ != nullptr) {
        auto& waiting = *waiter_;
        source::abandon(this, waiting);
        waiting.complete(error::cancelled);
    }
}

operation<> timer::wait()
{
    return {this, source::table};
}

task<> sleep_for(duration wait)
{
    loop& here = co_await this_loop();
    timer alarm(here);
    alarm.expires_after(wait);
    co_await checked(alarm.wait());
}

task<> sleep_until(time_point when)
{
    loop& here = co_await this_loop();
    timer alarm(here);
    alarm.expires_at(when);
    co_await checked(alarm.wait());
}

namespace {

/// Goes to the back of the loop's queue.
struct turn_of_others {
    struct source {
        static detail::readiness poll(void*, detail::operation_arguments)
        {
            return detail::readiness::pending;
        }
        static result<> take(void*) { return {}; }
        static void start(void* self, detail::operation_waiter<void>& w)
        {
            auto& t = *static_cast<turn_of_others*>(self);
            t.waiting = &w;
            t.again.owner = &t;
            t.again.run = [](detail::work_node& node) {
                auto& due = *static_cast<deferred&>(node).owner;
                std::exchange(due.waiting, nullptr)->complete({});
            };
            t.home.defer(t.again);
        }
        static void abandon(void* self, detail::operation_waiter<void>&) noexcept
        {
            static_cast<turn_of_others*>(self)->again.unlink();
        }
        static loop& home_of(void* self) { return static_cast<turn_of_others*>(self)->home; }

        static constexpr detail::operation_vtable<void> table{poll, take, start, abandon, home_of};
    };

    struct deferred : detail::work_node {
        turn_of_others* owner = nullptr;
    };

    explicit turn_of_others(loop& l) : home(l) {}

    loop& home;
    deferred again;
    detail::operation_waiter<void>* waiting = nullptr;
};

}  // namespace

task<> yield()
{
    loop& here = co_await this_loop();
    turn_of_others others(here);
    co_await checked(operation<>(&others, turn_of_others::source::table));
}

}  // namespace libnet
