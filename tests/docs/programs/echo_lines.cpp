// [program]
#include <libnet/libnet.hpp>

libnet::task<> echo(libnet::connection& peer)
{
    while (auto line = co_await peer.receive()) {
        co_await peer.send(*line);
    }
}

int main()
{
    libnet::server_options options;
    options.connection.framing = libnet::delimited("\n");
    libnet::server server("127.0.0.1:9000", echo, options);
    return libnet::run(server.run());
}
// [end]
