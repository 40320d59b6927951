// Input: framing, sizes of pipe and chunks, a fault and its place, options of the session, then what
// the peer does: a byte for each step, with the number of bytes that it writes or a pause.

#include "fuzzing.hpp"

#include <libnet/framing/any_framing.hpp>
#include <libnet/framing/delimited.hpp>
#include <libnet/framing/length_prefix.hpp>
#include <libnet/framing/raw.hpp>
#include <libnet/framing/receive_buffer.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/testing/simulation.hpp>
#include <libnet/testing/stream_pair.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace {

using namespace libnet;
using namespace libnet::literals;
using namespace libnet::testing;
using namespace libnet::tests;

constexpr std::size_t max_frame = 300;
constexpr std::size_t mark = 200;

any_framing framing_of(std::size_t choice)
{
    switch (choice % 5) {
    case 0: return length_prefix({.max_frame = max_frame, .width = 1});
    case 1: return length_prefix({.max_frame = max_frame, .width = 2});
    case 2: return delimited("\n", {.max_frame = max_frame});
    case 3:
        return delimited("ab",
                         {.max_frame = max_frame, .delimiter = delimited_options::delivery::keep});
    default: return raw();
    }
}

pipe_options pipe_of(fuzz_input& input)
{
    pipe_options pipe;
    pipe.capacity = 1 + input.byte();
    pipe.largest_read = 1 + input.byte();
    pipe.largest_write = 1 + input.byte();
    const std::size_t fault = input.byte();
    const std::uint64_t after = input.byte();
    switch (fault % 8) {
    case 0: pipe.end_after = after; break;
    case 1: pipe.reset_after = after; break;
    case 2: pipe.break_after = after; break;
    case 3: pipe.stall_after = after; break;
    default: break;
    }
    pipe.immediate_writes = fault / 8 % 2 == 0;
    return pipe;
}

/// What the session may use: an echo, one by one, in batches, or impatiently.
task<> session(connection& peer, std::size_t manner)
{
    if (manner % 2 == 0) {
        while (auto frame = co_await peer.receive()) {
            co_await peer.send(*frame);
            CHECK(peer.info().unsent <= mark + max_frame + 16);
        }
    } else {
        while (auto batch = co_await peer.receive_batch()) {
            CHECK(!batch->empty() && batch->size() <= 256);
            for (const bytes frame : *batch) {
                co_await peer.send(frame);
            }
        }
    }
    (void)co_await peer.close();
    CHECK(peer.ended());
}

/// The peer: bytes as the input has them, read or not.
struct peer_log {
    std::string sent;
    std::string received;
};

task<> read_all(connection& wire, peer_log& log)
{
    while (auto piece = co_await wire.receive()) {
        log.received += as_text(*piece);
    }
}

task<> write_all(connection& wire, fuzz_input input, peer_log& log)
{
    while (!input.empty()) {
        const std::size_t step = input.byte();
        if (step >= 0xF0) {
            const auto pause = std::chrono::milliseconds(1LL << (step - 0xF0));
            if (auto slept = co_await sleep_for(pause); !slept) {
                co_return;
            }
            continue;
        }
        const bytes piece = input.take(step);
        log.sent += as_text(piece);
        if (auto sent = co_await wire.send(piece); !sent) {
            co_return;
        }
    }
    (void)co_await wire.flush();
    wire.transport().shutdown_send();
}

/// The echo of raw bytes and lines is what was sent; of lengths too, as far as frames were whole.
/// The line that was not terminated, or the frame that was not whole, is missing.
void check_echo(const peer_log& log)
{
    CHECK(log.received.size() <= log.sent.size() + 2);
    CHECK(std::string_view(log.sent).starts_with(log.received));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz_input input(data, size);
    const std::size_t framing = input.byte();
    const std::size_t manner = input.byte();
    const pipe_options to_session = pipe_of(input);
    const pipe_options from_session = pipe_of(input);
    peer_log log;
    {
        simulation sim;
        stream_pair pair(sim.home(), to_session, from_session);
        connection wire(pair.take_left(), {.framing = raw(), .send_timeout = 60s});
        connection peer(pair.take_right(), {.framing = framing_of(framing),
                                            .frame_timeout = 20s,
                                            .idle_timeout = 30s,
                                            .high_water_mark = mark});
        sim.start(session(peer, manner));
        sim.start(write_all(wire, input, log));
        if (manner / 2 % 4 != 0) {
            sim.start(read_all(wire, log));
        }
        std::size_t steps = 0;
        while (!sim.outcome(0) && ++steps < 1000000 && sim.step()) {
            CHECK(peer.info().unread <= 2 * max_frame + 2 * receive_buffer::smallest_read);
        }
        CHECK(sim.outcome(0));  // whatever the peer does, the session ends
        CHECK(sim.outcome(0)->has_value());
        sim.cancel();
        sim.advance(2min);
        CHECK(sim.running() == 0);
    }
    check_echo(log);
    return 0;
}
