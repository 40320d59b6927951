#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>

#include <source_location>
#include <string>
#include <vector>

namespace libnet {

/// A piece of work that kept the loop, and all who wait for it, for too long. See loop::on_stall().
struct stall_report {
    duration lasted{};  ///< how long nothing else could run

    /// The task ran from the one await to the other; what kept the loop stands between them. The
    /// innermost await first, then those of its callers. `from` is empty at the beginning of the
    /// task, `to` at its end; both, if it was no task but something of the loop's own.
    std::vector<std::source_location> from{};
    std::vector<std::source_location> to{};

    /// Whom the task served, as connection_info::peer has it; empty for a task of no session's.
    std::string session{};

    /// One line for people: "127.0.0.1:50722 kept the loop for 48 ms, from echo.cpp:12 to
    /// echo.cpp:14".
    LIBNET_ASIO_DECL std::string text() const;
};

}  // namespace libnet
