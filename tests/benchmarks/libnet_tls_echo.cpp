/// libnet_echo over TLS: every deadline on, message by message, or with `--batch` all that is there
/// at once.
///
///     libnet_tls_echo CERTIFICATE KEY [--batch]

#include <libnet/libnet.hpp>
#include <libnet/tls.hpp>

#include <cstdio>
#include <cstring>
#include <utility>

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
    if (count < 3) {
        std::fprintf(stderr, "libnet_tls_echo CERTIFICATE KEY [--batch]\n");
        return 2;
    }
    const bool batch = count > 3 && std::strcmp(arguments[3], "--batch") == 0;
    libnet::tls_server_options tls;
    tls.certificates = {{arguments[1], arguments[2]}};
    tls.handshakes_per_second = libnet::no_limit;  // the others have none
    libnet::server_options options;
    options.socket.congestion = "reno";  // the same for all candidates
    options.layer = libnet::tls_context::server(std::move(tls));
    options.on_listening = [](const std::string& local) {
        std::printf("listening on %s\n", local.c_str());
        std::fflush(stdout);
    };
    libnet::server server("127.0.0.1:0", batch ? echo_in_batches : echo, options);
    return libnet::run(server.run());
}
