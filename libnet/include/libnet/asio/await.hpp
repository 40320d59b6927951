#pragma once

#include <libnet/asio/foreign_operation.hpp>
#include <libnet/asio/loop_of.hpp>
#include <libnet/core/result.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/task.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>

#include <coroutine>
#include <exception>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

/// What Asio has, awaited inside a task: any operation, and any coroutine of its own.
///
///     asio::steady_timer t(co_await libnet::this_executor(), 10ms);
///     result<> r = co_await t.async_wait(asio::deferred);
///     result<int> n = co_await some_asio_coroutine();          // asio::awaitable<int>
namespace libnet {

namespace detail {

template <class T, class Start>
struct foreign_awaiter_base {
    foreign_awaiter_base(Start s, promise_base& p) : start(std::move(s)), promise(p) {}
    foreign_awaiter_base(const foreign_awaiter_base&) = delete;
    foreign_awaiter_base& operator=(const foreign_awaiter_base&) = delete;

    ~foreign_awaiter_base()
    {
        if (state && state->waiting != nullptr) {
            state->waiting = nullptr;
            slot.forget();
            if (!state->home.shutting_down()) {
                state->cancel();
            }
        }
    }

    bool await_ready() const noexcept { return promise.stopped() != error{}; }

    void await_suspend(std::coroutine_handle<>)
    {
        loop& home = promise.running_in().home();
        state = std::make_shared<foreign_state<T>>(home);
        state->waiting = &slot;
        slot.state = state.get();
        slot.suspend(promise, [](work_node& stopped_one) {
            const auto& waits = static_cast<slot_type&>(stopped_one);
            if (waits.state->stopped == error{}) {
                waits.state->stopped = waits.promise->stopped();
                waits.state->cancel();
            }
        });
        start(executor_of(home), state);
    }

    result<T> await_resume()
    {
        if (!state) {
            return failed<T>(promise.stopped());
        }
        if (state->exception) {
            std::rethrow_exception(state->exception);
        }
        return std::move(*state->outcome);
    }

    using slot_type = typename foreign_state<T>::foreign_waiter;

    Start start;
    promise_base& promise;
    std::shared_ptr<foreign_state<T>> state;
    slot_type slot;
};

template <class Deferred, class... A>
struct start_operation {
    template <class State>
    void operator()(const asio::any_io_executor& executor, const State& state)
    {
        std::move(deferred)(operation_handler<A...>{{state, executor}});
    }
    Deferred deferred;
};

template <class... A, class Initiation, class... Arguments>
struct foreign_awaiter<
    asio::deferred_async_operation<void(error_code, A...), Initiation, Arguments...>> {
    using deferred =
        asio::deferred_async_operation<void(error_code, A...), Initiation, Arguments...>;
    using value_type = typename packed<A...>::type;
    using start = start_operation<deferred, A...>;

    struct type : foreign_awaiter_base<value_type, start> {
        type(deferred d, promise_base& p)
            : foreign_awaiter_base<value_type, start>(start{std::move(d)}, p)
        {
        }
    };
};

/// The executor that an `asio::awaitable<T, Executor>` has to be started on.
template <class Executor>
Executor executor_as(const asio::any_io_executor& executor)
{
    if constexpr (std::is_convertible_v<asio::any_io_executor, Executor>) {
        return executor;
    } else {
        const Executor* typed = executor.target<Executor>();
        if (typed == nullptr) {
            throw std::invalid_argument(
                "libnet: an awaitable with an executor of another kind than that of this task");
        }
        return *typed;
    }
}

template <class T, class Executor>
struct foreign_awaiter<asio::awaitable<T, Executor>> {
    using value_type = T;

    struct start {
        template <class State>
        void operator()(const asio::any_io_executor& executor, const State& state)
        {
            asio::co_spawn(executor_as<Executor>(executor), std::move(body),
                           awaitable_handler<T>{{state, executor}});
        }
        asio::awaitable<T, Executor> body;
    };

    struct type : foreign_awaiter_base<T, start> {
        type(asio::awaitable<T, Executor> a, promise_base& p)
            : foreign_awaiter_base<T, start>(start{std::move(a)}, p)
        {
        }
    };
};

struct executor_await {};

}  // namespace detail

/// Inside a task: the executor where it runs, for Asio objects of one's own.
/// `asio::steady_timer t(co_await libnet::this_executor());`
inline detail::executor_await this_executor() noexcept
{
    return {};
}

namespace detail {

struct executor_awaiter {
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    asio::any_io_executor await_resume() const { return executor_of(promise.running_in().home()); }

    promise_base& promise;
};

template <>
struct foreign_awaiter<executor_await> {
    using value_type = asio::any_io_executor;

    struct type : executor_awaiter {
        type(executor_await, promise_base& p) : executor_awaiter{p} {}
    };
};

}  // namespace detail
}  // namespace libnet
