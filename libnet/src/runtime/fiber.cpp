#include <libnet/runtime/fiber.hpp>

#include <algorithm>
#include <utility>

namespace libnet::detail {

time_point scope::first_due() const noexcept
{
    time_point first = due;
    for (const scope* s = this; !s->shields && s->outer != nullptr; s = s->outer) {
        first = std::min(first, s->outer->due);
    }
    return first;
}

void waiter::suspend(promise_base& p, std::coroutine_handle<> h, stop_function on_stop) noexcept
{
    promise = &p;
    handle = h;
    stop = on_stop;
    run = go_on;
    p.in_fiber->waiter_ = this;
}

void waiter::go_on(work_node& node)
{
    auto& self = static_cast<waiter&>(node);
    self.promise->in_fiber->budget_ = fiber::ready_awaits_per_turn;
    if (self.checked && self.promise->failed) {
        self.promise->finish();
    } else {
        self.handle.resume();
    }
}

void waiter::settle() noexcept
{
    settled = true;
    promise->in_fiber->waiter_ = nullptr;
    unlink();
    home().ready(*this);
}

void waiter::settle_failed(const error_code& why) noexcept
{
    if (checked) {
        promise->fail(why);
    }
    settle();
}

void waiter::forget() noexcept
{
    if (promise->in_fiber->waiter_ == this) {
        promise->in_fiber->waiter_ = nullptr;
    }
}

bool promise_base::begin(promise_base& child, std::coroutine_handle<> self,
                         std::coroutine_handle<> body, scope& in, bool checked_await) noexcept
{
    child.parent = this;
    child.continuation = self;
    child.in_fiber = in_fiber;
    child.in_scope = &in;
    child.checked = checked_await;
    if (out_of_budget()) {
        in_fiber->start_later(body);
        return true;
    }
    child.inside_begin = true;
    body.resume();
    child.inside_begin = false;
    if (!child.done) {
        return true;
    }
    if (checked_await && child.failed) {
        fail(child.failure);
        finish();
        return true;
    }
    return false;
}

void promise_base::finish() noexcept
{
    for (promise_base* ended = this;; ended = ended->parent) {
        ended->done = true;
        if (ended->inside_begin) {
            return;
        }
        if (ended->parent == nullptr) {
            ended->in_fiber->end();
            return;
        }
        if (!ended->checked || !ended->failed) {
            in_fiber->home().continue_with(ended->continuation);
            return;
        }
        ended->parent->fail(ended->failure);
    }
}

fiber::fiber(loop& l, std::coroutine_handle<> frame, promise_base& promise) noexcept
    : loop_(l), frame_(frame), promise_(&promise)
{
    root_.owner = this;
    promise.in_fiber = this;
    promise.in_scope = &root_;
    loop_.enter();
    loop_.fibers().push_back(*this);
    postponed_ = frame_;
    run = begin;
    loop_.ready(*this);
}

fiber::~fiber()
{
    loop_.forget(*this);
    if (frame_) {
        std::exchange(frame_, {}).destroy();
    }
    loop_.exit();
}

void fiber::begin(work_node& step)
{
    fiber& self = of(step);
    self.budget_ = ready_awaits_per_turn;
    self.postponed_.resume();
}

void fiber::start_later(std::coroutine_handle<> body) noexcept
{
    postponed_ = body;
    loop_.defer(*this);
}

void fiber::end() noexcept
{
    run = [](work_node& step) { of(step).ended(); };
    loop_.ready(*this);
}

void fiber::stop(scope& from, error why) noexcept
{
    scope* first = innermost_;  // the innermost that no shield protects
    for (scope* s = innermost_; s != &from; s = s->outer) {
        if (s == nullptr) {
            return;  // the scope has been left already
        }
        if (s->shields) {
            first = s->outer;
        }
    }
    for (scope* s = first;; s = s->outer) {
        if (s->stopped == error{}) {
            s->stopped = why;
        }
        if (s == &from) {
            break;
        }
    }
    if (waiter_ != nullptr) {
        if (const error reason = waiter_->promise->stopped(); reason != error{}) {
            waiter_->stop(*waiter_, reason);
        }
    }
}

const promise_base* fiber::resumed_by(const work_node& work) noexcept
{
    if (work.run == waiter::go_on) {
        return static_cast<const waiter&>(work).promise;
    }
    return work.run == begin
               ? static_cast<const fiber&>(static_cast<const fiber_step&>(work)).promise_
               : nullptr;
}

std::vector<std::source_location> fiber::trace() const
{
    std::vector<std::source_location> places;
    const promise_base* at = waiter_ != nullptr ? waiter_->promise : promise_;
    for (; at != nullptr; at = at->parent) {
        places.push_back(at->where);
    }
    return places;
}

scope_guard::deadline::deadline(scope& s) noexcept
    : timer_node([](timer_node& node) {
          scope& passed = *static_cast<deadline&>(node).limited;
          passed.owner->stop(passed, error::timeout);
      }),
      limited(&s)
{
}

scope_guard::scope_guard(bool shields) noexcept : timer(inner)
{
    inner.shields = shields;
}

void scope_guard::enter(promise_base& caller, duration limit) noexcept
{
    inner.outer = caller.in_scope;
    inner.owner = caller.in_fiber;
    if (!inner.shields) {
        inner.stopped = caller.stopped();
    }
    inner.owner->innermost_ = &inner;
    clock& time = inner.owner->home().time();
    inner.due = add(time.now(), limit);
    time.arm(timer, inner.due);
}

void scope_guard::leave() noexcept
{
    if (inner.owner != nullptr) {
        inner.owner->innermost_ = inner.outer;
        inner.owner = nullptr;
        if (timer.armed()) {
            timer.armed_on->disarm(timer);
        }
    }
}

}  // namespace libnet::detail
