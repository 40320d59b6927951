#pragma once

#include "run_on.hpp"

#include <libnet/runtime/timer.hpp>

#include <utility>

namespace libnet::tests {

inline task<> sleep_for_ever()
{
    co_await checked(sleep_until(end_of_time));
}

/// Runs a task that waits for shards, on a loop that is none of them.
inline result<> run_beside_shards(task<> body)
{
    asio::io_context io;
    return run_on(io, std::move(body));
}

}  // namespace libnet::tests
