#pragma once

#include "flags.hpp"
#include "once_a_second.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

/// The flags that say who is let in, and the lines that tell who was not.
namespace flags {

namespace detail {

/// A flag that takes a whole number, at least 1, with a unit that may be left out.
inline CLI::Option* add_limit(CLI::App& app, const std::string& name, std::size_t& value,
                              const char* unit, const std::string& expected,
                              const std::string& help)
{
    const auto read = [=, &value](const std::string& text) {
        if (text == "unlimited") {
            value = libnet::no_limit;
            return;
        }
        const detail::unit units[] = {{"", 1}, {unit, 1}};
        const double count = number_with_unit(text, units);
        if (!(count >= 1 && count <= 1e9)) {
            refuse(name, text, expected + ", at least 1, or unlimited");
        }
        value = static_cast<std::size_t>(count);
    };
    return app.add_option_function<std::string>(name, read, help)
        ->type_name("N")
        ->default_str(value == libnet::no_limit ? "unlimited" : std::to_string(value));
}

}  // namespace detail

/// --max-connections, --max-per-address, --accept-rate and --surplus, as server_options has them.
inline void add_admission(CLI::App& app, libnet::server_options& options)
{
    libnet::admission_limits& limits = options.admission;
    detail::add_limit(app, "--max-connections", limits.max_connections, "",
                      "a number of connections: write 1000", "Connections at a time");
    detail::add_limit(
        app, "--max-per-address", limits.max_per_address, "", "a number of connections: write 10",
        "Connections of one address at a time, of one /64 for IPv6; more are refused");
    detail::add_limit(app, "--accept-rate", limits.accept_rate, "/s", "a rate: write 100 or 100/s",
                      "New connections per second")
        ->type_name("N[/s]");
    const auto surplus = [&options](const std::string& text) {
        if (text != "wait" && text != "refuse") {
            detail::refuse("--surplus", text, "wait or refuse");
        }
        options.surplus = text == "wait" ? libnet::surplus::wait : libnet::surplus::refuse;
    };
    app.add_option_function<std::string>(
           "--surplus", surplus,
           "What becomes of clients above --max-connections and --accept-rate:\n"
           "wait     they wait in the kernel's backlog until there is room\n"
           "refuse   they are accepted and closed at once")
        ->type_name("wait|refuse")
        ->default_str("wait");
}

/// Refused clients as lines of a log: at most one a second, which says how many there were since
/// the last one. A flood of clients must not become a flood of lines.
class refusal_log {
public:
    explicit refusal_log(std::function<void(const std::string&)> print) : print_(std::move(print))
    {
    }

    void add(const libnet::refusal_report& refused)
    {
        if (const auto unsaid = lines_.pass()) {
            print_("refused " + refused.peer + ": " + refused.text() +
                   once_a_second::more(*unsaid));
        }
    }

private:
    std::function<void(const std::string&)> print_;
    once_a_second lines_;
};

}  // namespace flags
