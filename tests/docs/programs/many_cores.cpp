// [program]
#include <libnet/libnet.hpp>

libnet::task<> echo(libnet::connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

int main()
{
    libnet::shards shards({.threads = 4});  // {}: as many as there are processors for us
    libnet::server server("127.0.0.1:9000", echo);
    return libnet::run(server.run(shards));
}
// [end]
