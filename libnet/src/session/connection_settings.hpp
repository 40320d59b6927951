#pragma once

#include "memory_budget.hpp"

#include <libnet/session/connection.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace libnet::detail {

/// The options of one connection or of all that a server has, with what follows from them. Shared,
/// since ten thousand copies would be most of what ten thousand idle connections cost.
struct connection_settings {
    /// An idle connection has no need of its buffers.
    static constexpr duration park_after = std::chrono::seconds(1);

    explicit connection_settings(connection_options chosen)
        : options(std::move(chosen)),
          input{.first_frame = options.first_frame_timeout.value_or(never),
                .frame = options.frame_timeout,
                .idle = options.idle_timeout.value_or(never),
                .minimum_rate = options.minimum_rate},
          first_look(std::min(input.idle, park_after))
    {
        options.high_water_mark = std::max<std::size_t>(options.high_water_mark, 1);
        low_water_mark = std::min(options.low_water_mark.value_or(options.high_water_mark / 2),
                                  options.high_water_mark - 1);
    }

    connection_options options;
    input_timeouts input;
    duration first_look;  // at a connection that is idle from now on
    std::size_t low_water_mark;
    std::shared_ptr<memory_budget> budget;  // perhaps none
};

}  // namespace libnet::detail
