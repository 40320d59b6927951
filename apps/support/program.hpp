#pragma once

#include "configuration.hpp"
#include "flags.hpp"

#include <exception>
#include <iostream>
#include <string>

namespace sample {

/// Reads the command line and runs the program. What is thrown is told on the standard error: a
/// CLI::ParseError, also one from `body`, is wrong usage and exit code 2, everything else is 1.
template <class Body>
int run_program(const std::string& name, CLI::App& app, int argc, char** argv, Body body)
{
    try {
        app.parse(argc, argv);
        return body();
    } catch (const CLI::ParseError& wrong) {
        if (const std::string placed = flags::text_with_place(app, wrong); placed != wrong.what()) {
            std::cerr << placed + "\nRun with --help for more information.\n";
            return 2;
        }
        return flags::explain(app, wrong);
    } catch (const std::exception& failure) {
        std::cerr << name + ": " + failure.what() + '\n';
        return 1;
    }
}

}  // namespace sample
