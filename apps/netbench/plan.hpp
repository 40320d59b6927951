#pragma once

#include "results.hpp"

#include <libnet/libnet.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace netbench {

/// What is to be done, by one process.
struct plan {
    std::string connect = "127.0.0.1:9000";
    bool udp = false;
    std::string framing = "length4";
    std::size_t connections = 64;
    std::optional<std::size_t> depth;  ///< unset: 1, or without limit where there is a rate
    std::size_t size = 64;
    libnet::duration duration = std::chrono::seconds(10);
    libnet::duration warm_up = std::chrono::seconds(1);
    double rate = 0;          ///< messages a second; 0: closed loop
    double connect_rate = 0;  ///< new connections a second at the beginning; 0: all at once
    std::uint64_t per_connection = 0;  ///< messages; then it is replaced. 0: it is kept
    libnet::duration timeout = std::chrono::seconds(5);

    /// Makes what stands between transport and connection. Called in the process that uses it.
    std::function<libnet::stream_layer()> make_layer = [] { return libnet::stream_layer(); };

    bool is_open_loop() const { return rate > 0; }

    /// How many messages may be under way on a connection.
    std::size_t most_under_way() const
    {
        return depth.value_or(is_open_loop() ? static_cast<std::size_t>(-1) : 1);
    }

    setting asked(const std::string& transport) const
    {
        return {.target = connect,
                .transport = transport,
                .framing = udp ? "" : framing,
                .connections = connections,
                .depth = depth.value_or(is_open_loop() ? 0 : 1),
                .size = size,
                .rate = rate};
    }
};

}  // namespace netbench
