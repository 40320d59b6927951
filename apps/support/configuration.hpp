#pragma once

#include "flags.hpp"

#include <fstream>
#include <string>
#include <vector>

/// Flags in a file.
namespace flags {

/// --config FILE: the flags of the program as lines, `idle-timeout = 5s`, `quiet = true`. What is on the
/// command line counts more. `later` says what may happen to the file when the program runs.
inline void add_config(CLI::App& app, const std::string& later = "")
{
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.set_config("--config", "",
                   "Read flags from this file: a line for each, such as\n"
                   "  idle-timeout = 5s\n"
                   "Those of the command line count more" +
                       later)
        ->type_name("FILE");
}

/// The file that --config names; empty if it names none.
inline std::string config_file(const CLI::App& app)
{
    const CLI::Option* const config = app.get_config_ptr();
    return config != nullptr && config->count() != 0 ? config->results().front() : std::string();
}

namespace detail {

/// The name in a line "name = value"; empty if it has none.
inline std::string name_in_line(std::string line)
{
    line = line.substr(0, line.find_first_of("=#;"));
    const auto begin = line.find_first_not_of(" \t");
    const auto end = line.find_last_not_of(" \t");
    return begin == std::string::npos ? std::string() : line.substr(begin, end - begin + 1);
}

/// Whether a message of the parser is about this name: "--num: Value 77 ...", "... to parse nmu".
inline bool is_about(const std::string& message, const std::string& name)
{
    return message.starts_with("--" + name + ":") || message.starts_with(name + ":") ||
           message.ends_with(" " + name);
}

}  // namespace detail

/// What is wrong with the flags, and where if it stands in the file: "echo.conf:3: --num: ...". The parser
/// knows no lines, so the one is looked for that sets what it complains about.
inline std::string text_with_place(const CLI::App& app, const CLI::ParseError& wrong)
{
    const std::string message = wrong.what();
    const std::string name = config_file(app);
    std::ifstream file(name);
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
        const std::string set = detail::name_in_line(line);
        if (!set.empty() && detail::is_about(message, set)) {
            const bool is_unknown = wrong.get_name() == "ConfigError";
            return name + ':' + std::to_string(number) + ": " +
                   (is_unknown ? "'" + set + "' is no flag that may stand in a file; see --help"
                               : message);
        }
    }
    return message;
}

}  // namespace flags
