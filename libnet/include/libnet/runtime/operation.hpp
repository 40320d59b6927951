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

/// The waiter of an operation. It is in the frame of whoever waits, once for each `co_await`, so that
/// what it waits with and what it is answered share one place.
template <class T>
struct operation_waiter : waiter {
    struct question {
        operation_arguments arguments;
        void* awaiter;
    };

    operation_waiter(operation_arguments arguments, void* awaiter) noexcept
        : asked{arguments, awaiter}
    {
    }
    ~operation_waiter()
    {
        if (settled) {
            answer.~result<T>();
        }
    }

    /// `asked` is gone then.
    void complete(result<T> outcome)
    {
        ::new (static_cast<void*>(&answer)) result<T>(std::move(outcome));
        if (answer.has_error()) {
            settle_failed(answer.error());
        } else {
            settle();
        }
    }

    union {
        question asked;    // until it is settled
        result<T> answer;  // from then on
    };
};

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

struct operation_access;

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

}  // namespace detail

/// Something to await, on an object that must outlive the await: `co_await peer.receive()` answers
/// a `result<T>`, without suspending where it can. Not started before it is awaited.
///
/// Cancelling detaches the waiter; what the object was doing goes on, and no byte is lost.
template <class T = void>
class [[nodiscard]] operation {
public:
    /// For those who write operations: what answers, and how.
    operation(void* source, const detail::operation_vtable<T>& table,
              detail::operation_arguments arguments = {}) noexcept
        : source_(source), table_(&table), arguments_(arguments)
    {
    }

    /// The loop of the object that it was called on.
    loop& home() const { return table_->home(source_); }

private:
    template <class, bool>
    friend struct detail::operation_awaiter;

    void* source_;
    const detail::operation_vtable<T>* table_;
    detail::operation_arguments arguments_;
};

namespace detail {

/// Lives in the awaiting frame. The waiter is constructed only if the await really suspends.
template <class T, bool Checked>
struct operation_awaiter {
    operation_awaiter(const operation<T>& o, promise_base& p) noexcept : op(o), promise(p) {}
    operation_awaiter(const operation_awaiter&) = delete;
    operation_awaiter& operator=(const operation_awaiter&) = delete;

    LIBNET_ASIO_ALWAYS_INLINE ~operation_awaiter()
    {
        if (suspended) {
            end_wait();
        }
    }

    LIBNET_ASIO_ALWAYS_INLINE bool await_ready()
    {
        if (promise.out_of_budget()) [[unlikely]] {
            yielding = true;
        } else if (promise.stopped() != error{}) [[unlikely]] {
            stopped = true;
            state = readiness::failure;
        } else {
            const auto& table = *op.table_;
            state = table.poll(op.source_, op.arguments_);
            if constexpr (is_small<T>()) {
                if (state == readiness::value) {
                    ::new (static_cast<void*>(&at_once)) T(
                        table.found != nullptr ? table.found(op.source_) : *table.take(op.source_));
                }
            }
        }
        return Checked ? state == readiness::value : state != readiness::pending;
    }

    void await_suspend(std::coroutine_handle<>)
    {
        if (Checked && state == readiness::failure) {
            promise.fail(stopped ? make_error_code(promise.stopped())
                                 : op.table_->take(op.source_).error());
            promise.finish();
            return;
        }
        ::new (static_cast<void*>(&slot)) operation_waiter<T>(op.arguments_, this);
        suspended = true;
        slot.checked = Checked;
        if (yielding) {
            yield();
        } else {
            wait();
        }
    }

    LIBNET_ASIO_ALWAYS_INLINE std::conditional_t<Checked, T, result<T>> await_resume()
    {
        if constexpr (Checked) {
            if constexpr (is_small<T>()) {
                return suspended ? *slot.answer : at_once;
            } else if constexpr (!std::is_void_v<T>) {
                return suspended ? std::move(*slot.answer) : *op.table_->take(op.source_);
            }
        } else {
            if (suspended) {
                return std::move(slot.answer);
            }
            if constexpr (is_small<T>()) {
                if (state == readiness::value) [[likely]] {
                    return at_once;
                }
            }
            if (stopped) {
                return failed<T>(promise.stopped());
            }
            if constexpr (std::is_void_v<T>) {
                if (state == readiness::value) [[likely]] {
                    return {};
                }
            }
            return op.table_->take(op.source_);
        }
    }

private:
    static operation_waiter<T>& slot_of(work_node& w) noexcept
    {
        return static_cast<operation_waiter<T>&>(w);
    }
    static operation_awaiter& awaiter_of(const operation_waiter<T>& s) noexcept
    {
        return *static_cast<operation_awaiter*>(s.asked.awaiter);
    }

    void end_wait() noexcept
    {
        if (!slot.settled) {
            if (!yielding) {
                op.table_->abandon(op.source_, slot);
            }
            slot.forget();
        }
        slot.~operation_waiter<T>();
    }

    void wait()
    {
        slot.suspend(promise, [](work_node& stopped_one) {
            auto& s = slot_of(stopped_one);
            const operation<T>& asked = awaiter_of(s).op;
            asked.table_->abandon(asked.source_, s);
            s.complete(failed<T>(s.promise->stopped()));
        });
        yielding = false;
        op.table_->start(op.source_, slot);
    }

    /// The budget is used up: ask again when the loop has turned.
    void yield()
    {
        slot.suspend(promise, [](work_node& turned) {
            auto& s = slot_of(turned);
            operation_awaiter& a = awaiter_of(s);
            if (a.promise.stopped() != error{}) {
                s.complete(failed<T>(a.promise.stopped()));
            } else if (a.op.table_->poll(a.op.source_, s.asked.arguments) == readiness::pending) {
                a.wait();
            } else {
                s.complete(a.op.table_->take(a.op.source_));
            }
        });
        slot.home().defer(slot);
    }

    const operation<T>& op;
    promise_base& promise;
    bool suspended = false;
    bool stopped = false;
    bool yielding = false;
    readiness state = readiness::pending;
    union {
        operation_waiter<T> slot;
        std::conditional_t<is_small<T>(), T, char> at_once;  // value without waiting
    };
};

}  // namespace detail
}  // namespace libnet
