#include <libnet/libnet.hpp>

// One client, from accept to close.
libnet::task<> echo(libnet::connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

int main()
{
    libnet::server server("127.0.0.1:9000", echo);
    return libnet::run(server.run());
}
