#pragma once

#include <libnet/core/result.hpp>
#include <libnet/runtime/fiber.hpp>

#include <coroutine>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

namespace libnet {

namespace detail {

/// What poll() found. A byte, because a result by value would be copied on the path of
/// every message.
enum class readiness : unsigned char { pending, value, failure };

/// What an operation was called with: two words.
struct operation_arguments {
    std::uintptr_t first = 0;
    std::uintptr_t second = 0;
};

template <class T>
struct operation_waiter;

/// What stands behind an operation: `source` is the object that it was called on.
template <class T>
struct operation_vtable {
    /// Tries to answer at once. After value or failure take() follows immediately, unless there is
    /// no value to take.
    readiness (*poll)(void* source, operation_arguments);
    result<T> (*take)(void* source);

    /// poll() said pending: answers through the waiter, never inside this call.
    void (*start)(void* source, operation_waiter<T>&);

    /// A waiter that was started goes away unanswered. Never touches the socket.
    void (*abandon)(void* source, operation_waiter<T>&) noexcept;

    loop& (*home)(void* source);

    /// The same as take(), where it is known that there is a value; it is copied at once.
    std::add_lvalue_reference_t<const T> (*found)(void* source) = nullptr;
};

template <class T, bool Checked>
struct operation_awaiter;

/// What it was called with has made room for its answer. Ends the program, with a text that says so.
[[noreturn]] LIBNET_ASIO_DECL void awaited_again() noexcept;

LIBNET_ASIO_DECL error_code out_of_memory() noexcept;

/// What can be taken where it was polled, while the compiler still knows whose functions these are,
/// and be kept until the await answers.
template <class T>
constexpr bool is_small() noexcept
{
    if constexpr (std::is_void_v<T>) {
        return false;
    } else {
        return std::is_trivially_copyable_v<T> && sizeof(T) <= 2 * sizeof(void*);
    }
}

/// An operation, and whoever waits for it. It is in the frame that awaits, once for each `co_await`, so what is
/// not needed at the same time shares a place. It is in no list before it is suspended.
template <class T>
struct operation_waiter : waiter {
    operation_waiter(void* of, const operation_vtable<T>& behind, operation_arguments a) noexcept
        : waiter(not_linked{}), source(of), table(&behind), arguments(a)
    {
    }
    ~operation_waiter()
    {
        if (settled) {
            answer.~result<T>();
        }
    }

    /// `arguments` are gone then.
    void complete(result<T> outcome)
    {
        ::new (static_cast<void*>(&answer)) result<T>(std::move(outcome));
        if (answer.has_error()) {
            settle_failed(answer.error());
        } else {
            settle();
        }
    }

    /// The same with a value, which is copied once.
    template <class Value>
    void complete_with(const Value& value)
    {
        ::new (static_cast<void*>(&answer)) result<T>(value);
        settle();
    }

    readiness poll() { return table->poll(source, arguments); }
    result<T> take() { return table->take(source); }
    void abandon() noexcept { table->abandon(source, *this); }

    /// How far an await has come. One byte, which is all that the path of every message looks at.
    enum class progress : unsigned char { begun, found, failed, stopped, suspended };

    progress at = progress::begun;
    bool yielding = false;
    void* source;
    const operation_vtable<T>* table;
    union {
        operation_arguments arguments;                     // until it is settled
        std::conditional_t<is_small<T>(), T, char> found;  // if nobody had to wait
        result<T> answer;                                  // if somebody had
    };
};

}  // namespace detail

/// Something to await, on an object that must outlive the await: `co_await peer.receive()` answers
/// a `result<T>`, without suspending where it can. Not started before it is awaited, once.
///
/// Cancelling detaches the waiter; what the object was doing goes on, and no byte is lost.
template <class T = void>
class [[nodiscard]] operation {
public:
    /// For those who write operations: what answers, and how.
    operation(void* source, const detail::operation_vtable<T>& table,
              detail::operation_arguments arguments = {}) noexcept
        : waiter_(source, table, arguments)
    {
    }

    /// One that was not awaited yet.
    operation(const operation& other) noexcept
        : operation(other.waiter_.source, *other.waiter_.table, other.waiter_.arguments)
    {
    }
    operation& operator=(const operation&) = delete;
    ~operation() {}  // see waiter_

    /// The loop of the object that it was called on.
    loop& home() const { return waiter_.table->home(waiter_.source); }

private:
    template <class, bool>
    friend struct detail::operation_awaiter;

    union {  // destroyed where the await ends, if it was suspended: else there is nothing to it
        detail::operation_waiter<T> waiter_;
    };
};

namespace detail {

/// How an operation is awaited.
template <class T, bool Checked>
struct operation_awaiter {
    LIBNET_ASIO_ALWAYS_INLINE operation_awaiter(operation<T>& o, promise_base& p) noexcept
        : w(o.waiter_)
    {
        if (w.at != progress::begun) [[unlikely]] {
            awaited_again();
        }
        w.promise = &p;
    }
    operation_awaiter(const operation_awaiter&) = delete;
    operation_awaiter& operator=(const operation_awaiter&) = delete;

    LIBNET_ASIO_ALWAYS_INLINE ~operation_awaiter()
    {
        if (w.at == progress::suspended) [[unlikely]] {
            end_wait();
        }
    }

    // What is asked may write to memory that the compiler knows nothing of, so that what it has read from
    // there it would read again: hence the local variables.
    LIBNET_ASIO_ALWAYS_INLINE bool await_ready()
    {
        operation_waiter<T>& asks = w;
        promise_base& promise = *asks.promise;
        if (promise.out_of_budget()) [[unlikely]] {
            asks.yielding = true;
            return false;
        }
        if (promise.stopped() != error{}) [[unlikely]] {
            asks.at = progress::stopped;
            return !Checked;
        }
        const auto& table = *asks.table;
        void* const source = asks.source;
        const readiness answer = table.poll(source, asks.arguments);
        if (answer == readiness::value) [[likely]] {
            if constexpr (is_small<T>()) {
                ::new (static_cast<void*>(&asks.found))
                    T(table.found != nullptr ? table.found(source) : *table.take(source));
            }
            asks.at = progress::found;
            return true;
        }
        if (answer == readiness::failure) {
            asks.at = progress::failed;
            return !Checked;
        }
        return false;
    }

    void await_suspend(std::coroutine_handle<>)
    {
        if (Checked && w.at != progress::begun) {
            promise_base& failing = *w.promise;
            failing.fail(w.at == progress::stopped ? make_error_code(failing.stopped())
                                                   : w.take().error());
            failing.finish();
            return;
        }
        w.at = progress::suspended;
        w.checked = Checked;
        w.begin_unlinked();
        if (w.yielding) {
            yield();
        } else {
            wait(w);
        }
    }

    LIBNET_ASIO_ALWAYS_INLINE std::conditional_t<Checked, T, result<T>> await_resume()
    {
        operation_waiter<T>& asked = w;
        if constexpr (Checked) {
            if constexpr (is_small<T>()) {
                return asked.at == progress::found ? asked.found : *asked.answer;
            } else if constexpr (!std::is_void_v<T>) {
                return asked.at == progress::found ? *asked.take() : std::move(*asked.answer);
            }
        } else {
            if (asked.at == progress::found) [[likely]] {
                if constexpr (is_small<T>()) {
                    return asked.found;
                } else if constexpr (std::is_void_v<T>) {
                    return {};
                } else {
                    return asked.take();
                }
            }
            switch (asked.at) {
            case progress::suspended: return std::move(asked.answer);
            case progress::stopped: return failed<T>(asked.promise->stopped());
            default: return asked.take();
            }
        }
    }

private:
    using progress = typename operation_waiter<T>::progress;

    static operation_waiter<T>& waiter_of(work_node& node) noexcept
    {
        return static_cast<operation_waiter<T>&>(node);
    }

    void end_wait() noexcept
    {
        if (!w.settled) {
            if (!w.yielding) {
                w.abandon();
            }
            w.forget();
        }
        w.~operation_waiter<T>();
    }

    static void wait(operation_waiter<T>& waits)
    {
        waits.suspend(*waits.promise, [](work_node& stopped_one) {
            auto& stops = waiter_of(stopped_one);
            stops.abandon();
            stops.complete(failed<T>(stops.promise->stopped()));
        });
        waits.yielding = false;
        waits.table->start(waits.source, waits);
    }

    /// The budget is used up: ask again when the loop has turned.
    void yield()
    {
        w.suspend(*w.promise, [](work_node& turned) {
            auto& asks = waiter_of(turned);
            if (asks.promise->stopped() != error{}) {
                asks.complete(failed<T>(asks.promise->stopped()));
                return;
            }
            readiness found;
            try {
                found = asks.poll();
            } catch (const std::bad_alloc&) {  // the loop has no use for it
                asks.complete(failed<T>(out_of_memory()));
                return;
            }
            if (found == readiness::pending) {
                wait(asks);
            } else {
                asks.complete(asks.take());
            }
        });
        w.home().defer(w);
    }

    operation_waiter<T>& w;
};

}  // namespace detail
}  // namespace libnet
