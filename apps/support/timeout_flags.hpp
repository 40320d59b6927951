#pragma once

#include "flags.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

/// The flags that say how long a client may take, and how much memory all of them may.
namespace flags {

namespace detail {

/// "1KiB" a second, or "10KiB/5s"
inline void read_rate(const std::string& flag, const std::string& text, libnet::data_rate& rate)
{
    static constexpr unit units[] = {{"ms", 1}, {"s", 1000}, {"min", 60'000}};
    const std::size_t slash = text.find('/');
    const double interval =
        slash == std::string::npos ? 1000 : number_with_unit(text.substr(slash + 1), units);
    try {
        rate.bytes = size_of(flag, text.substr(0, slash));
    } catch (const CLI::ValidationError&) {
        rate.bytes = 0;
    }
    if (!(interval >= 1) || rate.bytes == 0) {
        refuse(flag, text, "a data rate: write 1KiB (a second) or 10KiB/5s");
    }
    rate.interval = std::chrono::milliseconds(static_cast<std::int64_t>(interval));
}

/// A time that servers have and other connections do not: shows the servers' default.
inline CLI::Option* add_server_duration(CLI::App& app, const std::string& name,
                                        std::optional<libnet::duration>& value,
                                        libnet::duration default_value, const std::string& help)
{
    value = default_value;
    return add_duration(app, name, *value, help);
}

}  // namespace detail

/// `when_on` is called when all flags are known, if there is to be a heartbeat.
inline void add_heartbeat(
    CLI::App& app, libnet::connection_options& connection, std::function<void()> when_on = [] {})
{
    const auto every = std::make_shared<libnet::duration>(libnet::never);
    add_duration(app, "--heartbeat", *every,
                 "Sends an empty message when the other side has been silent for so long, and\n"
                 "ends the connection after three times of it. The other side needs it, too,\n"
                 "and empty messages of your own are taken for such");
    app.final_callback([every, &app, &connection, when_on = std::move(when_on)] {
        if (*every == libnet::never) {
            return;
        }
        if (app.get_option("--framing")->as<std::string>() == "raw") {
            throw CLI::ValidationError("--heartbeat",
                                       "--framing raw has no empty messages: choose another one");
        }
        connection.heartbeat = libnet::heartbeat{.interval = *every, .timeout = 3 * *every};
        when_on();
    });
}

inline void add_timeouts(CLI::App& app, libnet::server_options& options)
{
    using libnet::server_options;
    libnet::connection_options& connection = options.connection;
    detail::add_server_duration(app, "--first-frame-timeout", connection.first_frame_timeout,
                                server_options::default_first_frame_timeout,
                                "Ends a connection whose client has said nothing for so long");
    add_duration(app, "--frame-timeout", connection.frame_timeout,
                 "Ends a connection on which a message takes longer, from its first byte to\n"
                 "its last; beyond 64KiB it has another second for every 8KiB that have come");
    app.add_option_function<std::string>(
           "--min-rate",
           [&](const std::string& text) {
               detail::read_rate("--min-rate", text, connection.minimum_rate);
           },
           "Ends a connection on which a message comes in more slowly, after 5s of it")
        ->type_name("SIZE[/TIME]");
    add_duration(app, "--send-timeout", connection.send_timeout,
                 "Ends a connection whose client has taken nothing for so long");
    const CLI::Option* idle = detail::add_server_duration(
        app, "--idle-timeout", connection.idle_timeout, server_options::default_idle_timeout,
        "Ends a connection on which nothing has happened for so long; never with\n"
        "--heartbeat, unless it is given");
    add_duration(app, "--lifetime", connection.lifetime,
                 "Ends a connection that is as old, up to a tenth earlier, between messages");
    add_heartbeat(app, connection, [idle, &connection] {
        if (idle->count() == 0) {
            connection.idle_timeout.reset();
        }
    });
}

/// As add_size(), but there need be no limit.
inline void add_memory_budget(CLI::App& app, libnet::server_options& options)
{
    app.add_option_function<std::string>(
           "--memory-budget",
           [&](const std::string& text) {
               options.memory_budget = detail::size_of("--memory-budget", text);
           },
           "What the buffers of all connections may take together; beyond it those that\n"
           "take most are slowed down, and then ended")
        ->type_name("SIZE");
}

}  // namespace flags
