#pragma once

#include <libnet/core/config.hpp>
#include <libnet/runtime/offload.hpp>
#include <libnet/runtime/processors.hpp>
#include <libnet/runtime/remote_work.hpp>
#include <libnet/runtime/task.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace libnet {

namespace detail {

class shard;

}  // namespace detail

/// How many threads, and where they run.
struct shards_options {
    /// Event loops, with a thread each. 0: as many as usable_processors().
    std::size_t threads = 0;

    /// Where the threads run: wherever the kernel puts them, or each on one processor of those that this
    /// process may use, in turn. Pinned threads keep their caches warm, and stand still while somebody
    /// else has their processor.
    enum class placement : unsigned char { free, pinned };
    placement place = placement::free;
};

/// Several event loops, each with a thread and all that lives on it. Nothing is shared between them, so
/// sessions need no lock on a machine with many cores either; what one wants from another it sends there.
///
///     libnet::shards shards({.threads = 4});
///     libnet::server server("0.0.0.0:9000", echo);
///     return libnet::run(server.run(shards));
///
/// A server over shards serves each client on one of them; see server::run(shards&). The loop that
/// `libnet::run` makes is none of them: the main task is awaited there, and signals come there, once.
///
/// Threads  any.
class LIBNET_ASIO_DECL shards {
public:
    /// Starts the threads. Throws boost::system::system_error; its text says which one the system
    /// refused, and why.
    explicit shards(shards_options options = {});
    shards(const shards&) = delete;
    shards& operator=(const shards&) = delete;

    /// Cancels what was sent here and waits until it has ended, and until what connections accepted has
    /// left (bounded by their close timeout). Not from one of its own threads.
    ~shards();

    /// How many there are.
    std::size_t size() const noexcept { return shards_.size(); }

    /// Which of them this is, 0 to size() - 1, on one of their threads. Nothing elsewhere.
    std::optional<std::size_t> here() const noexcept;

    /// Calls `work` on the thread of a shard, and goes on with what it answers. What it returns may be a
    /// task, which runs there.
    ///
    ///     auto found = co_await shards.on(owner_of(key), [](std::string k) { return table().find(k); },
    ///                                     key);
    ///
    /// The answer is `work`'s: a value, an error if it returns a `result<T>` or an error_code; what it
    /// throws is rethrown here. The arguments are copied or moved, as for std::thread, and passed as
    /// rvalues; they and the task are destroyed there, the answer here.
    ///
    /// Errors   the work's; cancelled: the shards end, and it has not begun, or was cancelled. Throws
    ///          std::out_of_range for a shard that there is not; what ended a shard, if it was an
    ///          exception that left its loop.
    /// Cancel   the caller goes on at once. Work that has not begun never does; a task is cancelled; its
    ///          answer is dropped.
    /// Lifetime after a cancellation `work` may run on for a moment: it must own what it uses, or share
    ///          it, and what it shares must be made for several threads.
    /// Order    what one thread sends to a shard begins in the order in which it was sent.
    /// Cost     seven allocations, and two wake-ups of threads that sleep. Nothing bounds how much waits
    ///          for a shard but those who wait for it: one piece of work for each task.
    ///
    /// A lambda that owns what it captures must be a variable, or take it as an argument: GCC 12
    /// destroys such a temporary twice when it stands in an await.
    template <class Function, class... Arguments>
        requires std::invocable<std::decay_t<Function>, std::decay_t<Arguments>...>
    auto on(std::size_t shard, Function&& work, Arguments&&... arguments)
    {
        static_assert(
            detail::may_stand_in_an_await<Function>,
            "name the lambda first: auto work = [...] {...}; co_await shards.on(i, work); "
            "or hand over what it owns: co_await shards.on(i, [](std::string s) {...}, s);");
        static_assert(
            ((detail::may_stand_in_an_await<Arguments> || !std::is_aggregate_v<Arguments>)&&...),
            "name the aggregate first: options o{...}; co_await shards.on(i, work, o);");
        using call = detail::remote_call<std::decay_t<Function>, std::decay_t<Arguments>...>;
        return detail::await_offloaded(
            std::make_shared<call>(mailbox_of(shard), std::forward<Function>(work),
                                   std::forward<Arguments>(arguments)...));
    }

    /// Runs `body(i)`, a task, on every shard i, side by side, and returns when all of them have ended.
    /// The first that fails cancels the others.
    ///
    ///     auto serve = [&](std::size_t) -> task<> { return serve_one(...); };
    ///     co_await shards.on_each(serve);
    ///
    /// Errors   that of the first that failed. What it threw is thrown; also what left a shard's loop.
    /// Cancel   cancels all of them, and returns when they have ended.
    /// Lifetime the body is copied once, and called on all threads at a time. What it refers to must live
    ///          until the await has ended.
    template <class Body>
        requires std::is_invocable_r_v<task<>, const std::decay_t<Body>&, std::size_t>
    task<> on_each(Body&& body)
    {
        static_assert(detail::may_stand_in_an_await<Body>,
                      "name the lambda first: auto body = [...](std::size_t i) -> task<> {...}; "
                      "co_await shards.on_each(body);");
        return run_on_each(
            std::make_shared<const std::function<task<>(std::size_t)>>(std::forward<Body>(body)));
    }

    /// Calls `work` on the thread of a shard, in a later turn of its loop, and does not wait for it. An
    /// exception from it ends the program, since nobody is there to have it. False if the shards have
    /// ended; then it is destroyed unused.
    ///
    /// Order    as for on().
    /// Cost     up to three allocations, and a wake-up of a thread that sleeps. What waits is not bounded:
    ///          whoever sends without waiting for answers needs a bound of his own.
    bool post(std::size_t shard, std::function<void()> work);

private:
    using body_on_each = std::shared_ptr<const std::function<task<>(std::size_t)>>;

    const std::shared_ptr<detail::mailbox>& mailbox_of(std::size_t shard) const;
    task<> run_on_each(body_on_each body);

    std::vector<std::unique_ptr<detail::shard>> shards_;
};

}  // namespace libnet
