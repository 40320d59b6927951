#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/list_node.hpp>
#include <libnet/core/result.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/operation.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace libnet::detail {

class work_queue;

/// Work on its way from a task to a thread and back. Whoever holds it may go first: the task, the
/// loop, the pool.
class LIBNET_ASIO_DECL offloaded_work : public list_node,
                                        public std::enable_shared_from_this<offloaded_work> {
public:
    explicit offloaded_work(std::shared_ptr<work_queue> queue) noexcept;
    virtual ~offloaded_work();

    /// Queues the work, and waits until it has ended. Awaited by a task of `home`.
    operation<> end(loop& home) noexcept;

    // The queue's, on any thread: run() or drop(), and then answer(); nothing if it is withdrawn.
    void run() noexcept { call(); }
    void drop() noexcept;
    void answer() noexcept;
    std::shared_ptr<offloaded_work> waiting_in_queue;  // itself

private:
    struct source;

    virtual void call() noexcept = 0;
    virtual void forget() noexcept = 0;  // what was to be called, and what it answered

    result<> begin();
    void arrive() noexcept;

    std::shared_ptr<work_queue> queue_;
    std::shared_ptr<mailbox> box_;
    error_code failure_;

    // The loop's thread.
    loop* home_ = nullptr;
    operation_waiter<void>* waiting_ = nullptr;
};

/// What an answer of the work stands for.
template <class Answer>
struct offloaded_value {
    using type = Answer;
};
template <class T>
struct offloaded_value<result<T>> {
    using type = T;
};
template <>
struct offloaded_value<error_code> {
    using type = void;
};

/// Calls with rvalues of what the call is made of, and keeps the answer as a result.
template <class Value, class... Parts>
void call_into(std::optional<result<Value>>& outcome, std::tuple<Parts...>& call)
{
    auto invoke = [](auto&... parts) -> decltype(auto) { return std::invoke(std::move(parts)...); };
    using answer_type = std::decay_t<decltype(std::apply(invoke, call))>;
    if constexpr (std::is_void_v<answer_type>) {
        std::apply(invoke, call);
        outcome.emplace();
    } else if constexpr (std::same_as<answer_type, error_code>) {
        const error_code failed = std::apply(invoke, call);
        outcome.emplace(failed ? result<>(failed) : result<>());
    } else if constexpr (std::same_as<answer_type, result<Value>>) {
        outcome.emplace(std::apply(invoke, call));
    } else {
        outcome.emplace(boost::system::in_place_value, std::apply(invoke, call));
    }
}

template <class Function, class... Arguments>
class offloaded_call final : public offloaded_work {
public:
    using answer_type = std::decay_t<std::invoke_result_t<Function, Arguments...>>;
    using value_type = typename offloaded_value<answer_type>::type;

    template <class... Given>
    explicit offloaded_call(std::shared_ptr<work_queue> queue, Given&&... given)
        : offloaded_work(std::move(queue)), call_(std::in_place, std::forward<Given>(given)...)
    {
    }

    result<value_type> take()
    {
        if (exception_) {
            std::rethrow_exception(std::exchange(exception_, nullptr));
        }
        result<value_type> taken = std::move(*outcome_);
        outcome_.reset();
        return taken;
    }

private:
    void call() noexcept override
    {
        try {
            call_into(outcome_, *call_);
        } catch (...) {
            exception_ = std::current_exception();
        }
        call_.reset();
    }

    void forget() noexcept override
    {
        call_.reset();
        outcome_.reset();
        exception_ = nullptr;
    }

    std::optional<std::tuple<Function, Arguments...>> call_;  // until it has ended
    std::optional<result<value_type>> outcome_;
    std::exception_ptr exception_;
};

}  // namespace libnet::detail
