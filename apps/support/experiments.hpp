#pragma once

#include "flags.hpp"

#include <optional>

/// The flags with which people try out slow readers and the kernel's knobs.
namespace flags {

/// What experiments change about the connections.
struct experiment {
    libnet::socket_options socket;
    libnet::duration read_delay{};
    bool never_read = false;
};

namespace detail {

inline void add_optional_size(CLI::App& app, const std::string& name,
                              std::optional<std::size_t>& value, const std::string& help)
{
    const auto read = [name, &value](const std::string& text) { value = size_of(name, text); };
    app.add_option_function<std::string>(name, read, help)->type_name("SIZE")->group("Experiments");
}

}  // namespace detail

/// The flags for experiments with slow readers and with the kernel's side.
inline void add_experiments(CLI::App& app, experiment& e)
{
    const auto group = [](CLI::Option* option) { return option->group("Experiments"); };
    group(
        add_duration(app, "--read-delay", e.read_delay, "Wait so long before each message is read"))
        ->default_str("");
    group(app.add_flag("--never-read", e.never_read, "Never read what the other side sends"));
    const auto no_delay = [&e](const std::string& text) {
        if (text != "on" && text != "off") {
            detail::refuse("--no-delay", text, "on or off");
        }
        e.socket.no_delay = text == "on";
    };
    group(app.add_option_function<std::string>("--no-delay", no_delay,
                                               "TCP_NODELAY: off brings Nagle's algorithm back"))
        ->type_name("on|off")
        ->default_str("on");
    const auto congestion = [&e](const std::string& name) {
        if (name.size() > 15) {
            detail::refuse("--congestion", name, "a name of at most 15 characters, such as cubic");
        }
        e.socket.congestion = name;
    };
    group(app.add_option_function<std::string>(
              "--congestion", congestion,
              "The kernel's congestion control: bbr, cubic, reno; those it offers are in\n"
              "/proc/sys/net/ipv4/tcp_available_congestion_control"))
        ->type_name("NAME");
    detail::add_optional_size(app, "--send-buffer", e.socket.send_buffer,
                              "What the kernel keeps of our output (SO_SNDBUF)");
    detail::add_optional_size(app, "--receive-buffer", e.socket.receive_buffer,
                              "What the kernel keeps for us to read (SO_RCVBUF)");
}

}  // namespace flags
