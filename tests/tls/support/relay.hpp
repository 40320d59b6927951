#pragma once

#include "support/stream_recorder.hpp"

#include <libnet/testing/simulation.hpp>
#include <libnet/testing/stream_pair.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace libnet::tests {

/// Whoever stands between a client and a server: every byte passes through the hands of the test.
class relay {
public:
    explicit relay(testing::simulation& sim)
        : sim_(sim),
          near_client_(sim.home()),
          near_server_(sim.home()),
          client_(near_client_.take_right()),
          server_(near_server_.take_left())
    {
        client_.read();
        server_.read();
    }

    std::unique_ptr<stream> take_client() { return near_client_.take_left(); }
    std::unique_ptr<stream> take_server() { return near_server_.take_right(); }

    /// What has come from one side and was not taken yet.
    std::string from_client() { return take(client_, seen_of_client_); }
    std::string from_server() { return take(server_, seen_of_server_); }

    void to_client(std::string_view some) { give(client_, some); }
    void to_server(std::string_view some) { give(server_, some); }

    /// The server's end reaches the client.
    void end_for_client() { client_.end().shutdown_send(); }

    /// Hands everything on, both ways, until nothing more comes.
    void pass()
    {
        for (bool quiet = false; !quiet;) {
            sim_.settle();
            const std::string forward = from_client();
            const std::string backward = from_server();
            to_server(forward);
            to_client(backward);
            quiet = forward.empty() && backward.empty();
        }
    }

private:
    std::string take(stream_recorder& from, std::size_t& seen)
    {
        sim_.settle();
        while (!from.reading() && !from.read_error()) {
            from.read();
            sim_.settle();
        }
        std::string fresh = from.got().substr(seen);
        seen = from.got().size();
        return fresh;
    }

    void give(stream_recorder& to, std::string_view some)
    {
        if (!some.empty()) {
            (void)to.try_write(some);
        }
        sim_.settle();
    }

    testing::simulation& sim_;
    testing::stream_pair near_client_;
    testing::stream_pair near_server_;
    stream_recorder client_;
    stream_recorder server_;
    std::size_t seen_of_client_ = 0;
    std::size_t seen_of_server_ = 0;
};

}  // namespace libnet::tests
