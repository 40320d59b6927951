#pragma once

#include "client_socket.hpp"
#include "process_figures.hpp"
#include "served.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

/// What clients do to a server, on purpose or not; in small numbers and in great ones.
namespace integration {

/// Five resets: before a byte, inside a frame, over an answer that nobody reads, after one that was
/// read, and behind an end in good order. False if the one that asks got no answer.
inline bool reset_from_every_state(std::uint16_t port)
{
    static const std::string frame = framed(std::string(20'000, 'x'));
    client_socket(port).reset();
    client_socket halfway(port);
    halfway.send("\0\0");
    halfway.reset();
    client_socket asked(port);
    asked.send(frame);
    asked.reset();
    client_socket answered(port);
    const bool was_answered = echoes(answered);
    answered.reset();
    client_socket ending(port);
    ending.send(frame);
    ending.half_close();
    ending.reset();
    return was_answered;
}

/// Connects from 127.0.0.`from`, asks something or nothing, and ends first, so that it is the client's
/// port that rests. False if anything went wrong.
inline bool comes_and_goes(std::uint16_t port, unsigned from, bool asks)
{
    client_socket client(port, 0, from);
    bool well = client.error() == 0 && (!asks || echoes(client, "x"));
    client.half_close();
    well = well && (!asks || client.read_to_end().empty());
    client.close();
    return well;
}

/// How many bytes a server in this process grows by if so many clients read nothing of the 1 MiB, in
/// frames, that is offered to each.
inline std::size_t memory_of_stalled_readers(std::size_t count, std::size_t frame,
                                             libnet::server_options options,
                                             std::chrono::milliseconds to_settle)
{
    options.socket.send_buffer = 16 * 1024;  // or the kernel would take it all
    const std::string message(frame, 'x');
    const auto offer = [&](libnet::connection& peer) -> libnet::task<> {
        for (std::size_t offered = 0; offered < 1024 * 1024; offered += frame) {
            co_await checked(peer.send(message));
        }
    };
    served server(offer, std::move(options));
    std::vector<client_socket> stalled;
    stalled.emplace_back(server.port(), 4096);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // what is needed once is there
    const std::size_t before = resident_memory(::getpid());
    for (std::size_t i = 0; i < count; ++i) {
        stalled.emplace_back(server.port(), 4096);
    }
    std::this_thread::sleep_for(to_settle);
    return resident_memory(::getpid()) - before;
}

}  // namespace integration
