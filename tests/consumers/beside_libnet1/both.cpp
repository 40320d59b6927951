// The packet library of Debian's libnet1-dev, which has the name libnet too, and this library in one program.

#include <libnet.h>

#include <libnet/libnet.hpp>
#include <libnet/testing/simulation.hpp>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

using namespace libnet;

// Gets IPv4 addresses, 4 bytes each, and answers them as text, which the packet library makes.
task<> name_addresses(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        std::uint32_t address = 0;
        if (frame->size() != sizeof address) {
            co_return;
        }
        std::memcpy(&address, frame->data(), sizeof address);
        const std::string name = libnet_addr2name4(address, LIBNET_DONT_RESOLVE);
        co_await peer.send(name);
    }
}

task<std::string> ask(connection& server)
{
    co_await checked(server.send(std::string_view("\x7f\0\0\1", 4)));
    const bytes answer = co_await checked(server.receive());
    co_return to_string(answer);
}

int main()
{
    testing::simulation sim;
    auto [client, peer] = sim.connect();
    sim.start(name_addresses(peer));
    const result<std::string> answer = sim.run(ask(client));
    std::printf("%s and libnet-asio %d.%d: %s\n", libnet_version(), LIBNET_ASIO_VERSION_MAJOR,
                LIBNET_ASIO_VERSION_MINOR, answer ? answer->c_str() : answer.error().message().c_str());
    return answer && *answer == "127.0.0.1" ? 0 : 1;
}
