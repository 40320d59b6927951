#pragma once

#include "child_process.hpp"

#include <gtest/gtest.h>

#include <string>

namespace integration {

inline bool installed(const std::string& program)
{
    return shell("command -v " + program).code == 0;
}

}  // namespace integration

#define REQUIRE_PROGRAM(program)                                                                   \
    if (!integration::installed(program)) {                                                        \
        GTEST_SKIP() << program << " is not installed";                                            \
    }
