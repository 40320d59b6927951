/// The limit that libnet's TLS is held against: an echo of 4-byte length-prefixed messages written by
/// hand on OpenSSL and epoll. Reads big, decodes in place, answers all messages that are there with one
/// write, from where they lie. No deadlines.
///
///     raw_tls_echo CERTIFICATE KEY [--release-buffers]

#include "raw_socket.hpp"
#include "raw_tls.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <sys/epoll.h>
#include <utility>
#include <vector>

namespace {

using bench::raw_tls;
using status = raw_tls::status;

struct client {
    client(SSL_CTX* context, int descriptor) : tls(context, descriptor) {}

    raw_tls tls;
    std::vector<char> in;  // only while there is part of a message in it
    std::size_t begin = 0;
    std::size_t end = 0;
};

std::vector<std::vector<char>> spare;  // for whoever reads next

void take_spare(std::vector<char>& in)
{
    if (spare.empty()) {
        in.resize(256 * 1024);
    } else {
        in = std::move(spare.back());
        spare.pop_back();
    }
}

SSL_CTX* make_context(const char* certificate, const char* key, bool release_buffers)
{
    SSL_CTX* const context = bench::make_tls_context(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        bench::die_of_tls("the certificate");
    }
    // Tickets hold all there is to know: none of it has to be kept here.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (release_buffers) {
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    }
    return context;
}

/// Room for at least a record and for the message that is coming in.
void make_room(client& c, std::size_t message)
{
    const std::size_t wanted = std::max(message, c.end - c.begin + SSL3_RT_MAX_PLAIN_LENGTH);
    if (c.in.size() - c.begin < wanted) {
        std::memmove(c.in.data(), c.in.data() + c.begin, c.end - c.begin);
        c.end -= c.begin;
        c.begin = 0;
        c.in.resize(std::max(wanted, c.in.size()));
    }
}

/// Answers the whole messages that are there with one write.
bool reply(client& c)
{
    std::size_t at = c.begin;
    std::size_t message = 0;
    while (c.end - at >= 4) {
        std::uint32_t size;
        std::memcpy(&size, c.in.data() + at, 4);
        message = std::size_t{4} + ntohl(size);
        if (c.end - at < message) {
            break;
        }
        at += message;
    }
    const bool good = at == c.begin || c.tls.write(c.in.data() + c.begin, at - c.begin);
    c.begin = at;
    if (c.begin == c.end) {
        c.begin = c.end = 0;
    } else {
        make_room(c, message);
    }
    return good;
}

/// Until there is nothing more to read. False at the end.
bool read_and_reply(client& c)
{
    for (;;) {
        std::size_t count = 0;
        const status state = c.tls.read(c.in.data() + c.end, c.in.size() - c.end, count);
        c.end += count;
        if ((count != 0 && !reply(c)) || state == status::over) {
            return false;
        }
        if (state == status::waits) {
            return true;
        }
    }
}

bool serve(client& c)
{
    c.tls.readable();
    if (!c.tls.established()) {
        const status state = c.tls.handshake();
        if (state != status::done) {
            return c.tls.flush() && state != status::over;
        }
    }
    if (c.in.empty()) {
        take_spare(c.in);
    }
    const bool alive = read_and_reply(c);
    if (c.end == 0) {
        spare.push_back(std::move(c.in));
        c.in = {};
    }
    return c.tls.flush() && alive;
}

void accept_all(SSL_CTX* context, int polling, int listening)
{
    for (int accepted = 0; (accepted = bench::accept_from(listening)) >= 0;) {
        auto* c = new client(context, accepted);
        SSL_set_accept_state(c->tls.ssl());
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = c;
        ::epoll_ctl(polling, EPOLL_CTL_ADD, accepted, &event);
    }
}

void end(client& c)
{
    if ((SSL_get_shutdown(c.tls.ssl()) & SSL_RECEIVED_SHUTDOWN) != 0) {
        (void)c.tls.close_notify();
    }
    ERR_clear_error();
    delete &c;
}

}  // namespace

int main(int count, char** arguments)
{
    if (count < 3) {
        std::fprintf(stderr, "raw_tls_echo CERTIFICATE KEY [--release-buffers]\n");
        return 2;
    }
    const bool release = count > 3 && std::string_view(arguments[3]) == "--release-buffers";
    SSL_CTX* const context = make_context(arguments[1], arguments[2], release);
    const int listening = bench::listen_on_any_port();
    const int polling = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    ::epoll_ctl(polling, EPOLL_CTL_ADD, listening, &event);
    for (;;) {
        epoll_event events[128];
        const int ready = ::epoll_wait(polling, events, 128, -1);
        for (int i = 0; i < ready; ++i) {
            if (events[i].data.ptr == nullptr) {
                accept_all(context, polling, listening);
                continue;
            }
            auto& c = *static_cast<client*>(events[i].data.ptr);
            bool alive = true;
            if ((events[i].events & EPOLLOUT) != 0) {
                alive = c.tls.flush();
            }
            if (alive && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
                alive = serve(c);
            }
            if (!alive) {
                end(c);
            }
        }
    }
}
