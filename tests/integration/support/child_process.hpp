#pragma once

#include "patience.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace integration {

/// A program that a test has started. It is killed, by its id, when the test is done with it, and
/// also when the test itself is killed.
class child_process {
public:
    struct setup {
        std::optional<std::size_t> most_descriptors{};  ///< `ulimit -n`
        bool output_goes_nowhere = false;
        std::optional<int> kept{};  ///< a descriptor of ours that it has, too
    };

    /// How it ended. A program killed by a signal has the code 128 + signal, like in a shell; one
    /// that did not end in time -1.
    struct outcome {
        int code = -1;
        std::string output;
        std::string errors;
    };

    explicit child_process(const std::vector<std::string>& command)
        : child_process(command, setup{})
    {
    }
    child_process(const std::vector<std::string>& command, setup with);
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process();

    pid_t id() const noexcept { return id_; }
    void signal(int number) const;

    /// Writes to its standard input.
    void write(const std::string& text);
    void close_input();

    /// The next line of its standard output that begins with `start`, without its end; lines before
    /// it are skipped. Empty if none comes in time.
    std::string line(const std::string& start, std::chrono::milliseconds limit = patience);

    /// The same of its standard error.
    std::string error_line(const std::string& start, std::chrono::milliseconds limit = patience);

    /// Closes its input and waits for its end.
    outcome finish(std::chrono::milliseconds limit = patience);

private:
    bool read_some(std::chrono::steady_clock::time_point until);
    std::string next_line(const std::string& text, std::size_t& seen, const std::string& start,
                          std::chrono::milliseconds limit);
    std::optional<int> exit_code();

    pid_t id_ = -1;
    int input_ = -1;
    int output_ = -1;
    int errors_ = -1;
    std::string output_text_;
    std::size_t seen_ = 0;  // lines before here were handed out
    std::string errors_text_;
    std::size_t errors_seen_ = 0;
    std::optional<int> code_;
};

/// Runs a shell command to its end. `input` is given to it at once.
child_process::outcome shell(const std::string& script, const std::string& input = {},
                             std::chrono::milliseconds limit = patience);

}  // namespace integration
