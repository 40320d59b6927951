#pragma once

#include "support/counting_stream.hpp"

#include <libnet/framing/raw.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/testing/stream_pair.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace libnet::tests {

/// The session of the design's first page.
inline task<> echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

/// Reads and forgets until it cannot.
inline task<> swallow(connection& peer)
{
    while (auto frame = co_await peer.receive()) {}
}

/// As a server does: the session, then close().
inline task<> serve(connection& peer, task<> session)
{
    (void)co_await std::move(session);
    (void)co_await peer.close();
}

/// Text of a size, different for each seed, without a line feed.
inline std::string some_text(std::size_t size, unsigned seed = 0)
{
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>('!' + (i * 7 + i / 97 + seed * 31) % 90);
    }
    return text;
}

inline task<std::string> receive_text(connection& peer)
{
    const bytes frame = co_await checked(peer.receive());
    co_return to_string(frame);
}

/// Sends each and waits for nothing.
inline task<> send_all(connection& peer, std::vector<std::string> messages)
{
    for (const std::string& message : messages) {
        co_await checked(peer.send(message));
    }
    co_await checked(peer.flush());
}

inline task<std::vector<std::string>> receive_all(connection& peer)
{
    std::vector<std::string> messages;
    while (auto frame = co_await peer.receive()) {
        messages.push_back(to_string(*frame));
    }
    co_return messages;
}

/// A connection whose other end is in the hands of the test: bytes, not frames.
struct wired {
    explicit wired(testing::simulation& sim, connection_options options = {},
                   testing::pipe_options to_peer = {}, testing::pipe_options from_peer = {})
        : pair(sim.home(), to_peer, from_peer),
          calls(std::make_shared<stream_calls>()),
          subject(std::make_unique<counting_stream>(pair.take_left(), calls), std::move(options)),
          wire(pair.take_right(), connection_options{.framing = raw{},
                                                     .send_timeout = never,
                                                     .high_water_mark = SIZE_MAX})
    {
    }

    testing::stream_pair pair;
    std::shared_ptr<stream_calls> calls;
    connection subject;
    connection wire;  // raw
};

}  // namespace libnet::tests
