// What a file with a session costs to compile: see tools/bench.sh compile.
#include <libnet/libnet.hpp>

libnet::task<> echo(libnet::connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}
