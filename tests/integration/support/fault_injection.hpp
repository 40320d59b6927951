#pragma once

#include "child_process.hpp"

#include <string>
#include <vector>

namespace integration {

/// Whether strace is here and may trace.
inline bool may_inject_faults()
{
    return shell("strace -D -o /dev/null -e trace=none true").code == 0;
}

/// Starts a program whose system calls fail as strace's `inject=` says: "sendto,sendmsg" and
/// "error=EPIPE:when=3". -D makes the program, not strace, the test's own child.
inline std::vector<std::string> with_faults(const std::string& calls, const std::string& how)
{
    return {"strace",
            "-D",
            "-f",
            "-o",
            "/dev/null",
            "-E",
            "ASAN_OPTIONS=detect_leaks=0",
            "-e",
            "trace=" + calls,
            "-e",
            "inject=" + calls + ":" + how};
}

}  // namespace integration
