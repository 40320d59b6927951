#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/task.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

// Asio finds its reactor by typeid, or without RTTI by another key: code that disagrees with the
// library would wait on a second reactor that nobody runs.
#if defined(BOOST_ASIO_NO_TYPEID) && !defined(LIBNET_ASIO_WITHOUT_RTTI)
#error "<libnet/asio.hpp> needs RTTI, unless libnet is built without it: LIBNET_ASIO_WITHOUT_RTTI"
#endif

/// The bridge between libnet and Asio, both ways. The only public header that includes Asio.
///
/// Inside a task, await any Asio operation and any awaitable:
///
///     asio::steady_timer t(co_await libnet::this_executor(), 10ms);
///     result<> r = co_await t.async_wait(asio::deferred);
///     result<int> n = co_await some_asio_coroutine();          // asio::awaitable<int>
///
/// From Asio's side, start any task or operation of libnet with a completion token:
///
///     auto frame = co_await libnet::async(peer.receive(), asio::use_awaitable);
///     libnet::spawn(io, serve(), [](std::exception_ptr e, libnet::result<> r) { ... });
///
/// Lifetime  an `asio::awaitable` that a task awaits takes values or shared ownership: when the
///           context is destroyed, the task and its variables go first.
/// Time      Asio's own timers stay on real time in a simulation; sleep_for, within and
///           libnet::timer follow the loop's clock.
namespace libnet {

namespace asio = boost::asio;

/// The loop that lives in `context`; made at the first call. The context must be run by one thread
/// at a time.
LIBNET_ASIO_DECL loop& loop_of(asio::io_context& context);

/// The loop behind an executor of an io_context, or a strand of one; throws std::invalid_argument
/// for any other.
LIBNET_ASIO_DECL loop& loop_of(const asio::any_io_executor& executor);

/// The context in which a loop lives.
LIBNET_ASIO_DECL asio::io_context& context_of(loop& l);

namespace detail {

struct executor_await {};

/// What `(error_code, A...)` stands for as a result.
template <class... A>
struct packed {
    using type = std::tuple<A...>;
    static type pack(A... a) { return type(std::move(a)...); }
};
template <class A>
struct packed<A> {
    using type = A;
    static type pack(A a) { return a; }
};
template <>
struct packed<> {
    using type = void;
};

/// What Asio's side ends with when it was cancelled.
inline bool is_aborted(const error_code& why) noexcept
{
    return why == asio::error::operation_aborted;
}
LIBNET_ASIO_DECL bool is_aborted(const std::exception_ptr& thrown) noexcept;

/// Shared by an await and the handler that Asio holds; either may go first.
template <class T>
struct foreign_state : std::enable_shared_from_this<foreign_state<T>> {
    struct foreign_waiter : waiter {
        foreign_state* state = nullptr;
    };

    explicit foreign_state(loop& l) : home(l) {}

    /// Asks the operation to end, inside the context: from outside, the handler that co_spawn of
    /// Boost 1.81 keeps in our signal would post work that does not keep the signal alive.
    void cancel()
    {
        asio::dispatch(context_of(home).get_executor(), [kept = this->shared_from_this()] {
            if (!kept->ended) {
                kept->cancellation.emit(asio::cancellation_type::all);
            }
        });
    }

    /// The operation has ended. `operation_aborted` is our reason if we asked for it.
    void finish()
    {
        ended = true;
        if (stopped != error{}) {
            const bool aborted = exception ? is_aborted(exception)
                                           : outcome->has_error() && is_aborted(outcome->error());
            if (aborted) {
                exception = nullptr;
                outcome.emplace(failed<T>(stopped));
            }
        }
        if (waiting != nullptr) {
            loop::turn this_turn(home);
            std::exchange(waiting, nullptr)->settle();
        }
    }

    loop& home;
    foreign_waiter* waiting = nullptr;
    asio::cancellation_signal cancellation;
    error stopped{};
    bool ended = false;
    std::optional<result<T>> outcome;
    std::exception_ptr exception;
};

template <class T>
struct foreign_handler {
    using executor_type = asio::io_context::executor_type;
    using cancellation_slot_type = asio::cancellation_slot;

    executor_type get_executor() const noexcept { return executor; }
    cancellation_slot_type get_cancellation_slot() const noexcept
    {
        return state->cancellation.slot();
    }

    std::shared_ptr<foreign_state<T>> state;
    executor_type executor;
};

/// For operations that complete with `void(error_code, A...)`.
template <class... A>
struct operation_handler : foreign_handler<typename packed<A...>::type> {
    void operator()(error_code why, A... values)
    {
        auto kept = this->state;
        if (why) {
            kept->outcome.emplace(boost::system::in_place_error, why);
        } else if constexpr (sizeof...(A) == 0) {
            kept->outcome.emplace();
        } else {
            kept->outcome.emplace(boost::system::in_place_value,
                                  packed<A...>::pack(std::move(values)...));
        }
        kept->finish();
    }
};

/// For `asio::awaitable<T>`, which ends with an exception or a value.
template <class T>
struct awaitable_handler : foreign_handler<T> {
    void operator()(std::exception_ptr failed, T value)
    {
        auto kept = this->state;
        kept->exception = failed;
        if (!failed) {
            kept->outcome.emplace(boost::system::in_place_value, std::move(value));
        }
        kept->finish();
    }
};

template <>
struct awaitable_handler<void> : foreign_handler<void> {
    void operator()(std::exception_ptr failed)
    {
        auto kept = state;
        kept->exception = failed;
        if (!failed) {
            kept->outcome.emplace();
        }
        kept->finish();
    }
};

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

    void await_suspend(std::coroutine_handle<> self)
    {
        loop& home = promise.in_fiber->home();
        state = std::make_shared<foreign_state<T>>(home);
        state->waiting = &slot;
        slot.state = state.get();
        slot.suspend(promise, self, [](waiter& w, error why) noexcept {
            foreign_state<T>& stopping = *static_cast<slot_type&>(w).state;
            if (stopping.stopped == error{}) {
                stopping.stopped = why;
                stopping.cancel();
            }
        });
        start(context_of(home).get_executor(), state);
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
    template <class Executor, class State>
    void operator()(const Executor& executor, const State& state)
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

template <class T, class Executor>
struct foreign_awaiter<asio::awaitable<T, Executor>> {
    using value_type = T;

    struct start {
        template <class OwnExecutor, class State>
        void operator()(const OwnExecutor& executor, const State& state)
        {
            asio::co_spawn(executor, std::move(body), awaitable_handler<T>{{state, executor}});
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

/// A fiber that ends in a completion handler of Asio's side.
template <class T, class Handler>
class spawned final : public fiber {
public:
    static void start(loop& l, task<T> t, Handler handler)
    {
        auto slot = asio::get_associated_cancellation_slot(handler);
        const auto frame = task_access<T>::release(t);
        auto* self = new spawned(l, frame, std::move(handler));
        if (slot.is_connected()) {
            self->link_ = std::make_shared<spawned*>(self);
            slot.assign([link = self->link_](asio::cancellation_type) {
                if (*link != nullptr) {
                    (*link)->cancel();
                }
            });
        }
    }

    /// At shutdown nobody is told, and the slot may be older or younger than the task.
    ~spawned() override
    {
        if (link_) {
            *link_ = nullptr;
        }
    }

private:
    using handle = typename task_access<T>::handle;
    using executor = asio::associated_executor_t<Handler, asio::io_context::executor_type>;
    using tracked = std::decay_t<decltype(asio::prefer(std::declval<executor>(),
                                                       asio::execution::outstanding_work.tracked))>;

    spawned(loop& l, handle frame, Handler handler)
        : fiber(l, frame, frame.promise(), [](fiber& f) { static_cast<spawned&>(f).complete(); }),
          handler_(std::move(handler)),
          work_(asio::prefer(asio::get_associated_executor(handler_, context_of(l).get_executor()),
                             asio::execution::outstanding_work.tracked)),
          home_work_(context_of(l).get_executor())
    {
    }

    void complete()
    {
        auto slot = asio::get_associated_cancellation_slot(handler_);
        if (slot.is_connected()) {
            slot.clear();
        }
        auto& promise = static_cast<typename task_access<T>::promise_type&>(this->promise());
        std::exception_ptr exception = promise.exception;
        result<T> outcome = exception ? failed<T>(error::no_value) : promise.take();
        Handler handler = std::move(handler_);
        tracked work = std::move(work_);
        delete this;
        asio::post(work, [handler = std::move(handler), exception,
                          outcome = std::move(outcome)]() mutable {
            std::move(handler)(exception, std::move(outcome));
        });
    }

    Handler handler_;
    tracked work_;  // the handler's executor waits for the task, and so does its own
    asio::executor_work_guard<asio::io_context::executor_type> home_work_;
    std::shared_ptr<spawned*> link_;
};

}  // namespace detail

/// Starts a task of libnet from Asio's side. Completes with `void(std::exception_ptr, result<T>)`:
/// what the task threw, if it threw, else how it ended. The completion handler's cancellation slot
/// cancels the task (from the loop's thread, as is Asio's rule).
template <class T, class Token>
auto spawn(loop& l, task<T> t, Token&& token)
{
    return asio::async_initiate<Token, void(std::exception_ptr, result<T>)>(
        [&l](auto handler, task<T> body) {
            detail::spawned<T, decltype(handler)>::start(l, std::move(body), std::move(handler));
        },
        token, std::move(t));
}

template <class T, class Token>
auto spawn(asio::io_context& context, task<T> t, Token&& token)
{
    return spawn(loop_of(context), std::move(t), std::forward<Token>(token));
}

template <class T, class Token>
auto spawn(const asio::any_io_executor& executor, task<T> t, Token&& token)
{
    return spawn(loop_of(executor), std::move(t), std::forward<Token>(token));
}

/// Starts one operation of libnet from Asio's side: `libnet::async(peer.receive(), token)`.
template <class T, class Token>
auto async(operation<T> o, Token&& token)
{
    loop& home = o.home();
    return spawn(home, detail::lift(std::move(o)), std::forward<Token>(token));
}

/// Inside a task: the executor of its context, for Asio objects of one's own.
/// `asio::steady_timer t(co_await libnet::this_executor());`
inline detail::executor_await this_executor() noexcept
{
    return {};
}

namespace detail {

struct executor_awaiter {
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    asio::io_context::executor_type await_resume() const
    {
        return context_of(promise.in_fiber->home()).get_executor();
    }

    promise_base& promise;
};

template <>
struct foreign_awaiter<executor_await> {
    using value_type = asio::io_context::executor_type;

    struct type : executor_awaiter {
        type(executor_await, promise_base& p) : executor_awaiter{p} {}
    };
};

}  // namespace detail
}  // namespace libnet
