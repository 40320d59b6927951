#pragma once

#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/offloaded_work.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/runtime/thread_pool.hpp>
#include <libnet/runtime/timer.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace libnet {

namespace detail {

template <class Call>
task<typename Call::value_type> await_offloaded(std::shared_ptr<Call> call)
{
    loop& here = co_await this_loop();
    co_await checked(call->end(here));
    co_return co_await checked(call->take());
}

struct pool_access {
    static const std::shared_ptr<work_queue>& queue(const thread_pool& pool) noexcept
    {
        return pool.queue_;
    }
};

/// Whether GCC 12 destroys it twice, as a temporary that stands in an await.
template <class Function>
inline constexpr bool may_stand_in_an_await =
    std::is_lvalue_reference_v<Function> || std::is_trivially_destructible_v<Function>;

}  // namespace detail

/// Calls `work` on a thread of `pool` and goes on with what it answers, for work that would keep the
/// loop: files, databases, long calculations.
///
///     auto rows = co_await offload([number] { return query(number); });
///
/// The answer is `work`'s: a value, an error if it returns a `result<T>` or an error_code; what it
/// throws is rethrown here. The arguments are copied or moved, as for std::thread, and are passed as
/// rvalues; they are destroyed on the thread, before the task goes on.
///
/// Errors   limit_reached: the pool's queue is full, at once; cancelled: the pool was destroyed
///          before it came to it; the system's, if it gives the pool no thread.
/// Cancel   the task goes on at once. Work that has not begun never does; work that has is not
///          interrupted, and what it answers is dropped.
/// Lifetime a cancelled task, and its loop, may end before `work` does: it must own what it uses, or
///          share it, and refer to nothing of the task's.
/// Overlap  any number; a task waits for one.
/// Cost     an allocation and two changes of threads: tens of microseconds, so for work that takes
///          longer.
///
/// In a simulation `work` is called on the loop's thread, in a later turn: no queue is ever full and
/// no time passes, but the order is the same in every run.
///
/// A lambda that owns what it captures must be a variable, or take it as an argument: GCC 12
/// destroys such a temporary twice when it stands in an await.
template <class Function, class... Arguments>
    requires std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>
auto offload(thread_pool& pool, Function&& work, Arguments&&... arguments)
{
    static_assert(detail::may_stand_in_an_await<Function>,
                  "name the lambda first: auto work = [...] {...}; co_await offload(work); "
                  "or hand over what it owns: co_await offload([](std::string s) {...}, text);");
    static_assert(
        ((detail::may_stand_in_an_await<Arguments> || !std::is_aggregate_v<Arguments>)&&...),
        "name the aggregate first: options o{...}; co_await offload(work, o);");
    using call = detail::offloaded_call<std::decay_t<Function>, std::decay_t<Arguments>...>;
    return detail::await_offloaded(std::make_shared<call>(detail::pool_access::queue(pool),
                                                          std::forward<Function>(work),
                                                          std::forward<Arguments>(arguments)...));
}

/// The same on the process's own pool, thread_pool::shared().
template <class Function, class... Arguments>
    requires std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>
auto offload(Function&& work, Arguments&&... arguments)
{
    return offload(thread_pool::shared(), std::forward<Function>(work),
                   std::forward<Arguments>(arguments)...);
}

}  // namespace libnet
