#pragma once

#include "support/stream_recorder.hpp"

#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/transport/stream.hpp>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

namespace libnet::tests {

/// A kind of stream, and the loop on which it runs.
class stream_world {
public:
    struct ends {
        std::unique_ptr<stream> left;
        std::unique_ptr<stream> right;
    };

    virtual ~stream_world() = default;

    virtual loop& home() = 0;

    /// Two streams that lead to each other.
    virtual ends connect() = 0;

    /// Lets `left` meet a reset.
    virtual void reset(ends& e) = 0;

    /// Lets happen what can happen at once.
    virtual void settle() = 0;

    /// Lets the loop run until `done`; false if that does not come about.
    virtual bool drive(const std::function<bool()>& done) = 0;

    /// Starts a task; how many have ended, and how many of them with an error.
    void start(task<> body);
    std::size_t ended() const noexcept { return ended_; }
    std::size_t failed() const noexcept { return failed_; }

private:
    std::size_t ended_ = 0;
    std::size_t failed_ = 0;
};

std::unique_ptr<stream_world> memory_world();
std::unique_ptr<stream_world> tcp_world(const char* address);
std::unique_ptr<stream_world> unix_world(std::string path);

/// TLS over the streams of another world.
std::unique_ptr<stream_world> tls_world(std::unique_ptr<stream_world> below);

/// A row of the contract: add one for each new kind of stream.
struct stream_kind {
    const char* name;
    std::function<std::unique_ptr<stream_world>()> make;

    /// What an end that nobody has announced looks like to the peer.
    error after_close = error::closed;
};

inline void PrintTo(const stream_kind& kind, std::ostream* out)
{
    *out << kind.name;
}

const std::vector<stream_kind>& stream_kinds();

}  // namespace libnet::tests
