#pragma once

#include <libnet/core/time.hpp>
#include <libnet/runtime/task.hpp>

namespace libnet {

/// Awaits `awaited` for at most `limit`: `co_await within(3s, fetch(peer))`. When the time is up,
/// whatever it waits for answers `timeout`, and so does every later await inside; what it had
/// already received stays where it was. An outer deadline or cancellation that strikes first holds.
///
/// Wraps a task, an operation, or an operation or coroutine of Asio's.
/// Cost  one timer for the whole of it, none per await.
template <class A>
auto within(duration limit, A awaited)
{
    return detail::scoped_await<A>(std::move(awaited), limit, false);
}

/// Awaits `awaited` undisturbed by what cancels or times out the caller, for at most `limit`: for
/// the goodbye that has to be said even so.
template <class A>
auto shielded(duration limit, A awaited)
{
    return detail::scoped_await<A>(std::move(awaited), limit, true);
}

/// How long what is awaited here may still take: until the first of the deadlines around it. `never`
/// without one, 0 when it has passed. For a request that passes it on: time_budget().
///
///     const duration left = co_await time_left();
inline detail::time_left_await time_left() noexcept
{
    return {};
}

}  // namespace libnet
