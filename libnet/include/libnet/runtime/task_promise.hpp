#pragma once

#include <libnet/core/config.hpp>
#include <libnet/runtime/task.hpp>

#include <cstdint>

/// How a task's frame awaits things: one await_transform for each kind, each noting the place.
namespace libnet {

namespace detail {

/// GCC before 12.3 lays out some frames wrongly (bug 106188): of coroutines with an await in the
/// condition of an `if`, `while` or `for` and without a single named variable. Such a coroutine
/// would hang or crash, so that its first call ends the program with a message instead.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ * 100 + __GNUC_MINOR__ < 1203
[[noreturn]] LIBNET_ASIO_DECL void miscompiled() noexcept;

inline void check_frame(const void* frame) noexcept
{
    if (reinterpret_cast<std::uintptr_t>(frame) % __STDCPP_DEFAULT_NEW_ALIGNMENT__ != 0)
        [[unlikely]] {
        miscompiled();
    }
}
#else
inline void check_frame(const void*) noexcept {}
#endif

/// What only libnet does with a task.
template <class T>
struct task_access {
    using promise_type = typename task<T>::promise_type;
    using handle = std::coroutine_handle<promise_type>;

    static task<T> make(handle h) noexcept { return task<T>(h); }
    static handle frame(const task<T>& t) noexcept { return t.frame_; }
    static handle release(task<T>& t) noexcept { return std::exchange(t.frame_, {}); }
};

template <class T>
template <class U>
void task_value<T>::return_value(U&& given)
{
    using V = std::remove_cvref_t<U>;
    auto& promise = static_cast<typename task<T>::promise_type&>(*this);
    if constexpr (std::same_as<V, T>) {
        value.emplace(std::forward<U>(given));
    } else if constexpr (std::same_as<V, result<T>>) {
        if (given.has_error()) {
            promise.fail(given.error());
        } else if constexpr (std::is_const_v<std::remove_reference_t<U>>) {
            value.emplace(*static_cast<const V&>(given));  // of a constant rvalue it is deleted
        } else {
            value.emplace(*std::forward<U>(given));
        }
    } else if constexpr (std::same_as<V, error_code> ||
                         boost::system::is_error_code_enum<V>::value) {
        promise.fail(given);
    } else {
        value.emplace(std::forward<U>(given));
    }
}

template <class T, bool Checked>
struct task_awaiter {
    task_awaiter(task<T> t, promise_base&) noexcept : awaited(std::move(t)) {}
    task_awaiter(const task_awaiter&) = delete;
    task_awaiter& operator=(const task_awaiter&) = delete;

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self) noexcept
    {
        promise_base& caller = self.promise();
        return caller.begin(task_access<T>::frame(awaited).promise(), *caller.in_scope, Checked);
    }

    std::conditional_t<Checked, T, result<T>> await_resume()
    {
        auto outcome = task_access<T>::frame(awaited).promise().take();
        if constexpr (!Checked) {
            return outcome;
        } else if constexpr (!std::is_void_v<T>) {
            return std::move(*outcome);
        }
    }

    task<T> awaited;
};

template <class T, bool Checked>
struct scoped_awaiter {
    scoped_awaiter(task<T> t, duration l, bool shields) noexcept
        : limit(l), guard(shields), awaited(std::move(t))
    {
    }
    scoped_awaiter(const scoped_awaiter&) = delete;
    scoped_awaiter& operator=(const scoped_awaiter&) = delete;

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> self)
    {
        guard.enter(self.promise(), limit);
        return self.promise().begin(task_access<T>::frame(awaited).promise(), guard.inner, Checked);
    }

    std::conditional_t<Checked, T, result<T>> await_resume()
    {
        guard.leave();
        auto outcome = task_access<T>::frame(awaited).promise().take();
        if constexpr (!Checked) {
            return outcome;
        } else if constexpr (!std::is_void_v<T>) {
            return std::move(*outcome);
        }
    }

    duration limit;
    scope_guard guard;
    task<T> awaited;  // goes first: its frame is inside the scope
};

struct failure_awaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept
    {
        self.promise().fail(why);
        self.promise().finish();
    }
    void await_resume() const noexcept {}

    error_code why;
};

/// A result that is there already.
template <class T>
struct result_awaiter {
    bool await_ready() const noexcept { return given.has_value(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept
    {
        self.promise().fail(given.error());
        self.promise().finish();
    }
    T await_resume()
    {
        if constexpr (!std::is_void_v<T>) {
            return std::move(*given);
        }
    }

    result<T> given;
};

/// Answers the fiber that awaits it.
struct current_fiber_awaiter {
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    fiber& await_resume() const noexcept { return promise.running_in(); }

    promise_base& promise;
};

/// Answers its loop.
struct current_loop_awaiter {
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    loop& await_resume() const noexcept { return promise.running_in().home(); }

    promise_base& promise;
};

/// Answers how much time its scopes have left.
struct time_left_awaiter {
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    duration await_resume() const noexcept
    {
        const time_point due = promise.in_scope->first_due();
        if (due == end_of_time) {
            return never;
        }
        const time_point now = promise.running_in().home().now();
        return due > now ? due - now : duration::zero();
    }

    promise_base& promise;
};

/// Any awaitable as a task, where a scope or an owner needs one.
template <class A>
task<typename awaited_value<A>::type> lift(A awaited)
{
    auto outcome = co_await std::move(awaited);
    if (outcome.has_error()) {
        co_await fail(outcome.error());
    }
    if constexpr (!std::is_void_v<typename awaited_value<A>::type>) {
        co_return std::move(*outcome);
    }
}

template <class T>
task<T> lift(task<T> t)
{
    return t;
}

}  // namespace detail

template <class T>
struct task<T>::promise_type : detail::promise_base, detail::task_value<T> {
    using place = detail::await_place;

    task get_return_object() noexcept
    {
        static_assert(alignof(promise_type) <= 2 * sizeof(void*) &&
                          alignof(promise_type) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                      "a frame is aligned as `new` aligns: return what needs more by a pointer");
        const auto frame = std::coroutine_handle<promise_type>::from_promise(*this);
        detail::check_frame(frame.address());
        return detail::task_access<T>::make(frame);
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    detail::final_await final_suspend() const noexcept { return {}; }

    template <class U>
    auto await_transform(operation<U>&& o, place p = LIBNET_ASIO_AWAIT_PLACE)
    {
        where = p;
        return detail::operation_awaiter<U, false>(o, *this);
    }

    template <class U>
    auto await_transform(detail::checked_await<operation<U>>&& c, place p = LIBNET_ASIO_AWAIT_PLACE)
    {
        where = p;
        return detail::operation_awaiter<U, true>(c.awaited, *this);
    }

    template <class U>
    auto await_transform(task<U> t, place p = LIBNET_ASIO_AWAIT_PLACE)
    {
        where = p;
        return detail::task_awaiter<U, false>(std::move(t), *this);
    }

    template <class A>
    auto await_transform(detail::checked_await<A>&& c, place p = LIBNET_ASIO_AWAIT_PLACE)
    {
        where = p;
        return checked_awaiter(std::move(c.awaited));
    }

    template <class A>
    auto await_transform(detail::scoped_await<A>&& s, place p = LIBNET_ASIO_AWAIT_PLACE)
    {
        where = p;
        using U = typename detail::awaited_value<A>::type;
        return detail::scoped_awaiter<U, false>(detail::lift(std::move(s.awaited)), s.limit,
                                                s.shields);
    }

    auto await_transform(detail::failure_await f, place p = LIBNET_ASIO_AWAIT_PLACE) noexcept
    {
        where = p;
        return detail::failure_awaiter{f.why};
    }

    auto await_transform(detail::fiber_await) noexcept
    {
        return detail::current_fiber_awaiter{*this};
    }

    auto await_transform(detail::loop_await) noexcept
    {
        return detail::current_loop_awaiter{*this};
    }

    auto await_transform(detail::time_left_await) noexcept
    {
        return detail::time_left_awaiter{*this};
    }

    template <detail::foreign A>
    auto await_transform(A&& a, place p = LIBNET_ASIO_AWAIT_PLACE)
    {
        where = p;
        using awaiter = typename detail::foreign_awaiter<std::remove_cvref_t<A>>::type;
        return awaiter(std::forward<A>(a), static_cast<detail::promise_base&>(*this));
    }

    result<T> take()
    {
        if (failure.is_exception()) {
            std::rethrow_exception(failure.exception());
        }
        if (failure.is_error()) {
            return detail::failed<T>(failure.error());
        }
        if constexpr (std::is_void_v<T>) {
            return {};
        } else if (this->value) {
            return result<T>(boost::system::in_place_value, std::move(*this->value));
        } else {
            return detail::failed<T>(error::no_value);
        }
    }

private:
    template <class U>
    auto checked_awaiter(task<U> t)
    {
        return detail::task_awaiter<U, true>(std::move(t), *this);
    }

    template <class U>
    auto checked_awaiter(result<U> r)
    {
        return detail::result_awaiter<U>{std::move(r)};
    }

    template <class A>
    auto checked_awaiter(detail::scoped_await<A> s)
    {
        using U = typename detail::awaited_value<A>::type;
        return detail::scoped_awaiter<U, true>(detail::lift(std::move(s.awaited)), s.limit,
                                               s.shields);
    }

    template <detail::foreign A>
    auto checked_awaiter(A a)
    {
        using U = typename detail::awaited_value<A>::type;
        return detail::task_awaiter<U, true>(detail::lift(std::move(a)), *this);
    }
};

}  // namespace libnet
