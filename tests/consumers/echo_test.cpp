// The echo session over the test kit: no socket, no thread, no sleep.

#include <libnet/libnet.hpp>
#include <libnet/testing/simulation.hpp>

#include <cstdio>
#include <string>

using namespace libnet;
using namespace libnet::literals;

task<> echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

task<std::string> ask(connection& server, std::string_view question)
{
    co_await checked(server.send(question));
    const bytes answer = co_await checked(server.receive());
    co_return to_string(answer);
}

int main()
{
    testing::simulation sim;
    auto [client, peer] = sim.connect({}, {.idle_timeout = 65s});
    sim.start(echo(peer));
    const result<std::string> answer = sim.run(ask(client, "hello"));
    sim.advance(66s);
    const bool passed = answer && *answer == "hello" && peer.ended() == error::idle_timeout;
    std::printf("libnet %d.%d.%d: %s, then %s\n", LIBNET_ASIO_VERSION_MAJOR,
                LIBNET_ASIO_VERSION_MINOR, LIBNET_ASIO_VERSION_PATCH,
                answer ? answer->c_str() : answer.error().message().c_str(),
                peer.ended().message().c_str());
    return passed ? 0 : 1;
}
