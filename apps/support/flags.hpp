#pragma once

#include <libnet/libnet.hpp>

#include <CLI/CLI.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// What the sample programs have in common on their command lines.
namespace flags {

namespace detail {

struct unit {
    std::string_view name;
    double factor;
};

/// "1.5s" with units of {"s", 1000}, ...: 1500. NaN for everything that is no number and unit, or
/// whose value is no whole number below 2^53.
template <std::size_t N>
double number_with_unit(std::string_view text, const unit (&units)[N])
{
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    if (failed != std::errc()) {
        return NAN;
    }
    const std::string_view name(rest, static_cast<std::size_t>(end - rest));
    for (const unit& u : units) {
        const double value = number * u.factor;
        if (u.name == name && value >= 0 && value < 0x1p53 && std::floor(value) == value) {
            return value;
        }
    }
    return NAN;
}

[[noreturn]] inline void refuse(const std::string& flag, const std::string& text,
                                const std::string& expected)
{
    throw CLI::ValidationError(flag, "'" + text + "' is not " + expected);
}

inline std::size_t size_of(const std::string& flag, const std::string& text)
{
    static constexpr unit units[] = {
        {"", 1}, {"B", 1}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}};
    const double count = number_with_unit(text, units);
    if (!(count >= 1)) {
        refuse(flag, text, "a size: write 512, 64KiB, 1MiB or 2GiB, at least one byte");
    }
    return static_cast<std::size_t>(count);
}

}  // namespace detail

/// "500ms", "3s", "1.5h", "never"
inline std::string time_to_text(libnet::duration d)
{
    using namespace std::chrono;
    if (d == libnet::never) {
        return "never";
    }
    return d % 1s == d.zero() ? std::to_string(duration_cast<seconds>(d).count()) + "s"
                              : std::to_string(duration_cast<milliseconds>(d).count()) + "ms";
}

/// "512", "64KiB", "1MiB"
inline std::string size_to_text(std::size_t size)
{
    if (size == 0 || size % 1024 != 0) {
        return std::to_string(size);
    }
    return size % (1024 * 1024) == 0 ? std::to_string(size / 1024 / 1024) + "MiB"
                                     : std::to_string(size / 1024) + "KiB";
}

/// A flag that takes a time; `value` is its default.
inline CLI::Option* add_duration(CLI::App& app, const std::string& name, libnet::duration& value,
                                 const std::string& help)
{
    const auto read = [name, &value](const std::string& text) {
        static constexpr detail::unit units[] = {
            {"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}};
        if (text == "never") {
            value = libnet::never;
            return;
        }
        const double count = detail::number_with_unit(text, units);
        if (!(count >= 1 && count <= 1e12)) {
            detail::refuse(name, text,
                           "a time: write 500ms, 3s, 5min, 1h, or never to switch it off");
        }
        value = std::chrono::milliseconds(static_cast<std::int64_t>(count));
    };
    return app.add_option_function<std::string>(name, read, help)
        ->type_name("TIME")
        ->default_str(time_to_text(value));
}

/// A flag that takes a number of bytes, at least one; `value` is its default.
inline CLI::Option* add_size(CLI::App& app, const std::string& name, std::size_t& value,
                             const std::string& help)
{
    const auto read = [name, &value](const std::string& text) {
        value = detail::size_of(name, text);
    };
    return app.add_option_function<std::string>(name, read, help)
        ->type_name("SIZE")
        ->default_str(size_to_text(value));
}

/// For flags that take HOST:PORT, or unix:PATH as well.
inline CLI::Validator endpoint_check(bool or_path = true)
{
    const auto check = [or_path](const std::string& text) {
        const auto where = libnet::endpoint::parse(text);
        if (where && where->is_unix() && !or_path) {
            return "'" + text + "' is not HOST:PORT: there are no datagrams over unix: paths here";
        }
        return where
                   ? std::string()
                   : "'" + text +
                         "' is not HOST:PORT: write 127.0.0.1:9000, [::1]:9000 or localhost:9000" +
                         (or_path ? ", or unix:/run/echo.sock" : "");
    };
    return CLI::Validator(check, "");
}

/// A flag that takes one of them; `value` is its default.
inline CLI::Option* add_endpoint(CLI::App& app, const std::string& name, std::string& value,
                                 const std::string& help)
{
    return app.add_option(name, value, help)
        ->type_name("HOST:PORT|unix:PATH")
        ->capture_default_str()
        ->check(endpoint_check());
}

/// The same for UDP, which libnet does not speak over Unix sockets.
inline CLI::Option* add_udp_endpoint(CLI::App& app, const std::string& name, std::string& value,
                                     const std::string& help)
{
    return app.add_option(name, value, help)
        ->type_name("HOST:PORT")
        ->capture_default_str()
        ->check(endpoint_check(false));
}

/// The flag --framing; make_framing() reads its value.
inline CLI::Option* add_framing(CLI::App& app, std::string& value)
{
    const auto check = [](const std::string& text) {
        for (const char* known : {"length4", "length2", "varint", "line", "raw"}) {
            if (text == known) {
                return std::string();
            }
        }
        return "'" + text + "' is not a framing: choose length4, length2, varint, line or raw";
    };
    return app
        .add_option("--framing", value,
                    "Where a message begins and ends:\n"
                    "length4  a 4-byte big-endian length, then the message\n"
                    "length2  the same with 2 bytes, so 65535 bytes at most\n"
                    "varint   the length as Protocol Buffers write it, then the message\n"
                    "line     up to the next \\n\n"
                    "raw      nowhere: bytes as they come")
        ->type_name("NAME")
        ->capture_default_str()
        ->check(CLI::Validator(check, ""));
}

inline libnet::any_framing make_framing(std::string_view name, std::size_t max_frame)
{
    if (name == "line") {
        return libnet::delimited("\n", {.max_frame = max_frame});
    }
    if (name == "raw") {
        return libnet::raw{};
    }
    if (name == "varint") {
        return libnet::varint({.max_frame = max_frame});
    }
    return libnet::length_prefix({.max_frame = max_frame, .width = name == "length2" ? 2u : 4u});
}

/// "1 message", "2 messages"
inline std::string count(std::uint64_t number, const std::string& what)
{
    return std::to_string(number) + ' ' + what + (number == 1 ? "" : "s");
}

/// Says what is wrong with the command line, or prints the help; the program's exit code: 2, or 0.
inline int explain(const CLI::App& app, const CLI::ParseError& wrong)
{
    return app.exit(wrong) == 0 ? 0 : 2;
}

}  // namespace flags
