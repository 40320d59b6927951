/// echo_load over TLS: each connection keeps `depth` messages under way, which leave in one write,
/// and compares what comes back. Prints the server's CPU time a message, in nanoseconds.
///
///     tls_echo_load PORT SERVER_PID CONNECTIONS DEPTH SIZE SECONDS

#include "load.hpp"
#include "raw_tls.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <sys/epoll.h>
#include <vector>

namespace {

using bench::raw_tls;
using status = raw_tls::status;

struct client {
    client(SSL_CTX* context, int port) : tls(context, bench::connect_to(port))
    {
        SSL_set_connect_state(tls.ssl());
    }

    raw_tls tls;
    std::size_t received = 0;  // bytes of the message that is coming in
};

std::string message;             // with its length in front
std::string stream_of_messages;  // many of them in a row, to compare with and to write from
std::vector<char> incoming(1 << 20);
std::uint64_t echoed = 0;

void send_messages(client& c, std::size_t how_many)
{
    if (!c.tls.write(stream_of_messages.data(), how_many * message.size())) {
        bench::die("the server closed the connection");
    }
}

/// For each whole echo that came back another message goes out.
void read_and_reply(client& c)
{
    std::size_t count = 0;
    if (c.tls.read(incoming.data(), incoming.size(), count) == status::over) {
        bench::die("the server closed the connection");
    }
    if (std::memcmp(incoming.data(), stream_of_messages.data() + c.received, count) != 0) {
        std::fprintf(stderr, "an echo differs from what was sent\n");
        std::exit(1);
    }
    const std::size_t whole = (c.received + count) / message.size();
    c.received = (c.received + count) % message.size();
    if (whole != 0) {
        send_messages(c, whole);
        echoed += whole;
    }
}

void serve(client& c, std::size_t depth)
{
    c.tls.readable();
    if (c.tls.established()) {
        read_and_reply(c);
    } else {
        const status state = c.tls.handshake();
        if (state == status::over) {
            bench::die_of_tls("the handshake failed");
        }
        if (state == status::done) {
            send_messages(c, depth);
        }
    }
}

}  // namespace

int main(int count, char** arguments)
{
    if (count != 7) {
        std::fprintf(stderr, "tls_echo_load PORT SERVER_PID CONNECTIONS DEPTH SIZE SECONDS\n");
        return 2;
    }
    const int port = std::atoi(arguments[1]);
    const int connections = std::atoi(arguments[3]);
    const auto depth = static_cast<std::size_t>(std::atoi(arguments[4]));
    const auto size = static_cast<std::uint32_t>(std::atoi(arguments[5]));

    const std::uint32_t wire = htonl(size);
    message.append(reinterpret_cast<const char*>(&wire), 4);
    for (std::uint32_t i = 0; i < size; ++i) {
        message.push_back(static_cast<char>('a' + i % 26));
    }
    do {
        stream_of_messages += message;
    } while (stream_of_messages.size() < (depth + 1) * message.size() + incoming.size());

    SSL_CTX* const context = bench::make_tls_context(TLS_client_method());
    const int polling = ::epoll_create1(0);
    std::vector<std::unique_ptr<client>> clients;
    for (int i = 0; i < connections; ++i) {
        clients.push_back(std::make_unique<client>(context, port));
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;  // it can write at once, and so says hello
        event.data.ptr = clients.back().get();
        ::epoll_ctl(polling, EPOLL_CTL_ADD, clients.back()->tls.descriptor(), &event);
    }
    for (std::size_t ready = 0; ready < clients.size();) {
        epoll_event events[256];
        const int some = ::epoll_wait(polling, events, 256, 1000);
        if (some == 0) {
            bench::die("the handshakes did not come to an end");
        }
        for (int i = 0; i < some; ++i) {
            auto& c = *static_cast<client*>(events[i].data.ptr);
            const bool before = c.tls.established();
            serve(c, depth);
            (void)c.tls.flush();
            ready += !before && c.tls.established() ? 1 : 0;
        }
    }

    bench::measurement measured(arguments[2], std::atof(arguments[6]));
    while (measured.goes_on(echoed)) {
        epoll_event events[256];
        const int some = ::epoll_wait(polling, events, 256, 100);
        for (int i = 0; i < some; ++i) {
            auto& c = *static_cast<client*>(events[i].data.ptr);
            serve(c, depth);
            (void)c.tls.flush();
        }
    }
    measured.print(echoed, "message");
    return 0;
}
