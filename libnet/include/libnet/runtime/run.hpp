#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>
#include <libnet/runtime/task.hpp>

namespace libnet {

/// How run() treats the process.
struct run_options {
    /// What SIGINT and SIGTERM do.
    enum class signals {
        cancel_main,  ///< SIGINT and SIGTERM cancel the main task; a second one ends the process
        ignore,       ///< leave signals as they are
    };

    signals on_signal = signals::cancel_main;  ///< whose business signals are

    /// Looks for work for so long before the thread goes to sleep. A lonely client's round trip is
    /// bound by falling asleep and waking up: 100 us of spinning take p50 from 53 to 20 us, at the
    /// price of a busy core. Zero: never.
    duration spin = duration::zero();
};

/// Runs a program: an event loop on this thread, until `main_task` has ended and what it sent has
/// left (bounded by the connections' close timeout). Returns the exit code of the program: what
/// main_task returned, or 0 for a `task<>`.
///
///     int main() { return libnet::run(serve()); }
///
/// A task that a signal cancelled and that ends with `cancelled` is a success. Throws
/// boost::system::system_error if the task ends with another error, and what it throws.
LIBNET_ASIO_DECL int run(task<int> main_task, run_options options = {});
LIBNET_ASIO_DECL int run(task<> main_task, run_options options = {});

}  // namespace libnet
