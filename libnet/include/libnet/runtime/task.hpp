#pragma once

#include <libnet/core/result.hpp>
#include <libnet/runtime/fiber.hpp>
#include <libnet/runtime/operation.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

namespace libnet {

template <class T = void>
class task;

namespace detail {

template <class A>
struct checked_await {
    A awaited;
};

template <class A>
struct scoped_await {
    scoped_await(A a, duration l, bool s) : awaited(std::move(a)), limit(l), shields(s) {}
    A awaited;
    duration limit;
    bool shields;
};

struct failure_await {
    error_code why;
};

struct fiber_await {};
struct loop_await {};
struct time_left_await {};

/// How a foreign awaitable is awaited: specialised by <libnet/asio.hpp>. A specialisation has
/// `value_type` and an awaiter `type`, constructible from the awaitable and a promise_base&.
template <class A>
struct foreign_awaiter;

template <class A>
concept foreign = requires { typename foreign_awaiter<std::remove_cvref_t<A>>::type; };

template <class A>
struct awaited_value;
template <class T>
struct awaited_value<operation<T>> {
    using type = T;
};
template <class T>
struct awaited_value<task<T>> {
    using type = T;
};
template <foreign A>
struct awaited_value<A> {
    using type = typename foreign_awaiter<A>::value_type;
};
template <class A>
struct awaited_value<scoped_await<A>> : awaited_value<A> {};

template <class T>
struct task_access;

template <class T>
struct task_value {
    template <class U = T>
    void return_value(U&& given);
    std::optional<T> value;
};

template <>
struct task_value<void> {
    void return_void() noexcept {}
};

struct final_await {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept
    {
        self.promise().finish();
    }
    void await_resume() const noexcept {}
};

}  // namespace detail

/// A coroutine of libnet. Starts when it is awaited (or given to a group, a server, run or spawn);
/// `co_await` answers a `result<T>`. Flowing off the end of a `task<>` is success; a `task<T>`
/// returns a T, an error or a `result<T>`; `co_await fail(error)` ends either with an error. An
/// exception that leaves it is rethrown where it is awaited.
///
/// Deadlines and cancellation of the caller hold inside as well.
///
/// Lifetime  parameters are copied or moved into the frame; references and views must outlive it.
/// Cost      one frame from a per-thread pool.
template <class T>
class [[nodiscard]] task {
public:
    /// What awaiting it answers, in a result.
    using value_type = T;
    struct promise_type;

    task(task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
    task& operator=(task other) noexcept
    {
        std::swap(frame_, other.frame_);
        return *this;
    }
    ~task()
    {
        if (frame_) {
            frame_.destroy();
        }
    }

private:
    template <class>
    friend struct detail::task_access;

    explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    std::coroutine_handle<promise_type> frame_;
};

/// Hands an error of what it wraps to the caller at once: `bytes b = co_await checked(p.receive())`
/// is a value, or ends this task with the error. Destructors run; nothing asynchronous does.
/// Wraps a task, an operation, a `within`, an operation or coroutine of Asio's, or a plain
/// `result<T>`.
template <class A>
auto checked(A awaited)
{
    return detail::checked_await<A>{std::move(awaited)};
}

/// `co_await fail(e)` ends a task with an error.
inline detail::failure_await fail(error_code why) noexcept
{
    return {why};
}

}  // namespace libnet

#include <libnet/runtime/task_promise.hpp>  // IWYU pragma: export
