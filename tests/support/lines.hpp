#pragma once

#include "support/sessions.hpp"

#include <libnet/framing/delimited.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/connect.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace libnet::tests {

/// Clients that talk in lines.
inline connect_options lines(duration limit = std::chrono::seconds(3))
{
    connect_options options;
    options.connection.framing = delimited("\n");
    options.connect_timeout = limit;
    return options;
}

inline task<std::string> ask(connection& peer, std::string question)
{
    co_await checked(peer.send(question));
    co_return co_await checked(receive_text(peer));
}

inline task<std::string> ask_within(duration limit, connection& peer, std::string question)
{
    co_return co_await within(limit, ask(peer, std::move(question)));
}

/// From connecting to closing.
inline task<std::string> ask(std::string where, std::string question,
                             duration limit = std::chrono::seconds(3))
{
    const connect_options options = lines(limit);
    auto peer = co_await checked(connect(where, options));
    std::string reply = co_await checked(ask(peer, std::move(question)));
    co_await checked(peer.close());
    co_return reply;
}

}  // namespace libnet::tests
