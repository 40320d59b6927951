#pragma once

#include <libnet/asio/loop_of.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/runtime/fiber.hpp>
#include <libnet/runtime/loop.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

/// What an await of something of Asio's shares with the handler that Asio holds.
namespace libnet::detail {

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

    /// Asks the operation to end, where its handlers run: from outside, the handler that co_spawn of
    /// Boost 1.81 keeps in our signal would post work that does not keep the signal alive.
    void cancel()
    {
        asio::dispatch(executor_of(home), [kept = this->shared_from_this()] {
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
    using executor_type = asio::any_io_executor;
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

}  // namespace libnet::detail
