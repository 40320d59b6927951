#pragma once

#include <libnet/asio/await.hpp>
#include <libnet/asio/loop_of.hpp>
#include <libnet/asio/spawn.hpp>

/// The bridge between libnet and Asio, both ways: Asio's operations and coroutines inside of tasks,
/// tasks and operations from Asio's side. Sockets cross it in <libnet/asio/adopt.hpp>. The public
/// headers of the bridge are the only ones that include Asio.
///
/// Lifetime  an `asio::awaitable` that a task awaits takes values or shared ownership: when the
///           context is destroyed, the task and its variables go first.
/// Time      Asio's own timers stay on real time in a simulation; sleep_for, within and
///           libnet::timer follow the loop's clock.
