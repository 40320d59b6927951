#pragma once

#include "timeout_flags.hpp"

#include <libnet/testing/impairment.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

/// The flags that say how bad a line is.
namespace flags {

namespace detail {

/// "2%", "0.02"; NaN for what is no chance.
inline double chance_of(std::string_view text)
{
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
    if (failed != std::errc() || !(unit.empty() || unit == "%")) {
        return NAN;
    }
    number = unit.empty() ? number : number / 100;
    return number >= 0 && number <= 1 ? number : NAN;
}

inline void read_burst(const std::string& text, libnet::testing::impairment_options& line)
{
    const std::size_t slash = text.find('/');
    const double begin = chance_of(std::string_view(text).substr(0, slash));
    double length = NAN;
    if (slash != std::string::npos) {
        const char* const end = text.data() + text.size();
        const auto [rest, failed] = std::from_chars(text.data() + slash + 1, end, length);
        length = failed == std::errc() && rest == end ? length : NAN;
    }
    if (std::isnan(begin) || !(length >= 1)) {
        refuse("--burst", text, "a chance and a length in packets: write 1%/4");
    }
    line.burst = libnet::testing::burst_loss{.begin = begin, .end = 1 / length};
}

}  // namespace detail

/// A flag that takes a chance; `value` is its default.
inline CLI::Option* add_chance(CLI::App& app, const std::string& name, double& value,
                               const std::string& help)
{
    const auto read = [name, &value](const std::string& text) {
        value = detail::chance_of(text);
        if (std::isnan(value)) {
            detail::refuse(name, text, "a chance: write 2%, 0.5% or 0.02, at most 100%");
        }
    };
    return app.add_option_function<std::string>(name, read, help)->type_name("CHANCE");
}

inline void add_impairment(CLI::App& app, libnet::testing::impairment_options& line)
{
    add_chance(app, "--loss", line.loss,
               "The chance that a packet is lost. TCP loses no bytes, and neither does a relay:\n"
               "there a lost segment, and all behind it, comes later by the time after which it\n"
               "is sent again, 200ms, and twice as much each further time");
    app.add_option_function<std::string>(
           "--burst", [&](const std::string& text) { detail::read_burst(text, line); },
           "Loss in bursts: the chance that a packet begins one, and how many packets it\n"
           "takes on average (Gilbert and Elliott): 1%/4")
        ->type_name("CHANCE/PACKETS");
    add_duration(app, "--delay", line.delay, "How long everything is under way")->default_str("");
    add_duration(app, "--jitter", line.jitter, "Up to so much longer, evenly; changes no order")
        ->default_str("");
    add_chance(app, "--reorder", line.reorder,
               "The chance that a packet comes later, so that those behind overtake it.\n"
               "With --udp");
    add_duration(app, "--reorder-delay", line.reorder_delay, "How much later");
    add_chance(app, "--duplicate", line.duplicate,
               "The chance that a packet comes twice. With --udp");
    add_chance(app, "--corrupt", line.corrupt,
               "The chance that one bit of a packet is wrong. In a stream, of a segment: what a\n"
               "broken box on the way does, and TCP's own checksum does not see");
    app.add_option_function<std::string>(
           "--rate",
           [&](const std::string& text) {
               libnet::data_rate rate{};
               detail::read_rate("--rate", text, rate);
               const auto interval = std::chrono::duration<double>(rate.interval).count();
               const double bytes = static_cast<double>(rate.bytes) / interval;
               line.rate = static_cast<std::uint64_t>(std::max(1.0, bytes));
           },
           "Bytes that pass in a second. More wait: packets up to --queue, streams with\n"
           "whoever sends them")
        ->type_name("SIZE[/TIME]");
    add_size(app, "--queue", line.queue, "Bytes of packets that wait for --rate; more are lost");
    const auto add_end = [&app](const std::string& name, std::uint64_t& value,
                                const std::string& help) {
        app.add_option_function<std::string>(
               name,
               [name, &value](const std::string& text) { value = detail::size_of(name, text); },
               help)
            ->type_name("SIZE");
    };
    add_end("--cut-after", line.cut_after,
            "Resets a connection after so many bytes in one direction. With --udp: lets\n"
            "nothing through any more");
    add_end("--half-open-after", line.silent_after,
            "After so many bytes in one direction forwards nothing more that way, without\n"
            "closing: of each connection; with --udp of all packets together");
}

}  // namespace flags
