/// libnet with every deadline on: message by message, as the sample application does it, with
/// `--batch` all that is there at once, or with `--spin` looking for work before it sleeps.

#include <libnet/libnet.hpp>

#include <chrono>
#include <cstdio>
#include <string_view>

libnet::task<> echo(libnet::connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

libnet::task<> echo_in_batches(libnet::connection& peer)
{
    while (auto frames = co_await peer.receive_batch()) {
        co_await peer.send_batch(*frames);
    }
}

int main(int count, char** arguments)
{
    const std::string_view how = count > 1 ? arguments[1] : "";
    const auto session = how == "--batch" ? echo_in_batches : echo;
    libnet::server_options options;
    options.socket.congestion = "reno";  // the same for all candidates
    options.on_listening = [](const std::string& local) {
        std::printf("listening on %s\n", local.c_str());
        std::fflush(stdout);
    };
    libnet::server server("127.0.0.1:0", session, options);
    const auto spin = std::chrono::microseconds(how == "--spin" ? 100 : 0);
    return libnet::run(server.run(), {.spin = spin});
}
