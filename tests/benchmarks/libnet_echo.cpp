/// libnet with every deadline on: message by message, as the sample application does it, or with
/// `--batch` all that is there at once.

#include <libnet/libnet.hpp>

#include <cstdio>
#include <cstring>

libnet::task<> echo(libnet::connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

libnet::task<> echo_in_batches(libnet::connection& peer)
{
    while (auto frames = co_await peer.receive_batch()) {
        for (const libnet::bytes frame : *frames) {
            co_await peer.send(frame);
        }
    }
}

int main(int count, char** arguments)
{
    const bool batch = count > 1 && std::strcmp(arguments[1], "--batch") == 0;
    libnet::server_options options;
    options.socket.congestion = "reno";  // the same for all candidates
    options.on_listening = [](const std::string& local) {
        std::printf("listening on %s\n", local.c_str());
        std::fflush(stdout);
    };
    libnet::server server("127.0.0.1:0", batch ? echo_in_batches : echo, options);
    return libnet::run(server.run());
}
