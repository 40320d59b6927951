#include <libnet/runtime/fiber.hpp>

#include <algorithm>
#include <utility>

namespace libnet::detail {

time_point scope::first_due() const noexcept
{
    time_point first = due;
    for (const scope* s = this; !s->shields && s->outer() != nullptr; s = s->outer()) {
        first = std::min(first, s->outer()->due);
    }
    return first;
}

scope* scope::outer() const noexcept
{
    return this == &owner->root_ ? nullptr : static_cast<const nested_scope*>(this)->around;
}

void waiter::resume(work_node& node)
{
    auto& self = static_cast<waiter&>(node);
    self.promise->running_in().budget_ = fiber::ready_awaits_per_turn;
    if (self.checked && self.promise->failure.is_error()) {
        self.promise->finish();
    } else {
        self.promise->frame().resume();
    }
}

void waiter::settle() noexcept
{
    settled = true;
    run = resume;
    promise->running_in().waiter_ = nullptr;
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
    fiber& waits = promise->running_in();
    if (waits.waiting() == this) {
        waits.waiter_ = nullptr;
    }
}

bool promise_base::begin(promise_base& child, scope& in, bool checked_await) noexcept
{
    child.parent = this;
    child.in_scope = &in;
    child.checked = checked_await;
    if (out_of_budget()) {
        running_in().start_later(child);
        return true;
    }
    child.inside_begin = true;
    child.frame().resume();
    child.inside_begin = false;
    if (!child.done) {
        return true;
    }
    if (checked_await && child.failure.is_error()) {
        fail(child.failure.error());
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
            ended->running_in().end();
            return;
        }
        if (!ended->checked || !ended->failure.is_error()) {
            running_in().home().continue_with(ended->parent->frame());
            return;
        }
        ended->parent->fail(ended->failure.error());
    }
}

fiber::fiber(loop& l, promise_base& promise) noexcept : loop_(l), promise_(&promise)
{
    root_.owner = this;
    loop_.enter();
    loop_.fibers().push_back(*this);
    begin_with(promise);
}

fiber::~fiber()
{
    loop_.forget(*this);
    std::exchange(promise_, nullptr)->frame().destroy();
    loop_.exit();
}

void fiber::begin_with(promise_base& first) noexcept
{
    first.in_scope = &root_;
    beginning_ = &first;
    begins_ = true;
    run = begin;
    loop_.ready(*this);
}

void fiber::go_on_with(promise_base& next) noexcept
{
    std::exchange(promise_, &next)->frame().destroy();
    begin_with(next);
}

void fiber::begin(work_node& step)
{
    fiber& self = of(step);
    self.budget_ = ready_awaits_per_turn;
    promise_base* const beginning = self.beginning_;
    self.begins_ = false;
    self.waiter_ = nullptr;
    beginning->frame().resume();
}

void fiber::start_later(promise_base& child) noexcept
{
    beginning_ = &child;
    begins_ = true;
    loop_.defer(*this);
}

void fiber::end() noexcept
{
    run = [](work_node& step) { of(step).ended(); };
    loop_.ready(*this);
}

void fiber::describe_by(std::string (*)(const void*), const void*) noexcept {}

std::string fiber::description() const
{
    return {};
}

void fiber::stop(scope& from, error why) noexcept
{
    scope* first = innermost_;  // the innermost that no shield protects
    for (scope* s = innermost_; s != &from; s = s->outer()) {
        if (s == nullptr) {
            return;  // the scope has been left already
        }
        if (s->shields) {
            first = s->outer();
        }
    }
    for (scope* s = first;; s = s->outer()) {
        if (s->stopped == error{}) {
            s->stopped = why;
        }
        if (s == &from) {
            break;
        }
    }
    if (waiter* const waits = waiting(); waits != nullptr && waits->promise->stopped() != error{}) {
        waits->run(*waits);
    }
}

/// A frame that has failed is destroyed when its caller has left the scopes around it already: then those
/// inside have been left with them.
void fiber::leave(const scope& left) noexcept
{
    for (const scope* s = innermost_; s != nullptr; s = s->outer()) {
        if (s == &left) {
            innermost_ = left.outer();
            return;
        }
    }
}

const promise_base* fiber::resumed_by(const work_node& work) noexcept
{
    if (work.run == waiter::resume) {
        return static_cast<const waiter&>(work).promise;
    }
    return work.run == begin
               ? static_cast<const fiber&>(static_cast<const fiber_step&>(work)).promise_
               : nullptr;
}

std::vector<std::source_location> fiber::trace() const
{
    std::vector<std::source_location> places;
    const promise_base* at = waiting() != nullptr ? waiter_->promise : promise_;
    for (; at != nullptr; at = at->parent) {
        places.push_back(location_of(at->where));
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
    inner.around = caller.in_scope;
    inner.owner = &caller.running_in();
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
        inner.owner->leave(inner);
        inner.owner = nullptr;
        if (timer.armed()) {
            timer.armed_on->disarm(timer);
        }
    }
}

}  // namespace libnet::detail
