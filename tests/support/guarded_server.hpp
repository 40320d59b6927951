#pragma once

#include "support/addresses.hpp"
#include "support/memory_listener.hpp"
#include "support/sessions.hpp"

#include <libnet/session/server.hpp>

#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace libnet::tests {

inline const ip_address office = v4(192, 0, 2, 1);
inline const ip_address neighbour = v4(192, 0, 2, 2);

/// A server with limits in a simulation, its clients, and whom it refused.
struct guarded_server {
    explicit guarded_server(server_options options)
        : backlog(sim), subject(backlog.listen(), echo, watched(std::move(options)))
    {
        sim.start(subject.run());
        sim.settle();
    }

    server_options watched(server_options options)
    {
        options.on_refused = [this](const refusal_report& r) { refused.push_back(r); };
        options.on_accept_error = [this](error_code, duration) { ++accept_errors; };
        return options;
    }

    connection& come(const ip_address& from = office, connection_options options = {})
    {
        clients.push_back(backlog.connect_from(from, std::move(options)));
        sim.settle();
        return clients.back();
    }

    void come_many(std::size_t count)
    {
        for (std::size_t i = 0; i < count; ++i) {
            come();
        }
    }

    /// The first client goes in good order.
    void go()
    {
        sim.start([](connection& c) -> task<> { co_await checked(c.close()); }(clients.front()));
        sim.settle();
        clients.pop_front();
    }

    /// The first message that the client gets, or why there is none; without time passing.
    std::string hears(connection& client)
    {
        std::string heard = "nothing yet";
        sim.start([](connection& c, std::string& text) -> task<> {
            auto frame = co_await c.receive();
            text = frame ? to_string(*frame) : frame.error().message();
        }(client, heard));
        sim.settle();
        return heard;
    }

    std::uint64_t active() const { return subject.stats().active; }
    std::uint64_t accepted() const { return subject.stats().accepted; }

    testing::simulation sim;
    memory_backlog backlog;
    std::vector<refusal_report> refused;
    int accept_errors = 0;
    libnet::server subject;
    std::deque<connection> clients;
};

}  // namespace libnet::tests
