/// Connects, shakes hands, exchanges one message and closes, over and over, so many at a time. Prints
/// the server's CPU time for all of that, in nanoseconds.
///
///     tls_handshake_load PORT SERVER_PID full|resumed CONNECTIONS SECONDS

#include "load.hpp"
#include "raw_tls.hpp"

#include <memory>
#include <string>
#include <sys/epoll.h>
#include <vector>

namespace {

using bench::raw_tls;
using status = raw_tls::status;

struct visit {
    visit(SSL_CTX* context, int port) : tls(context, bench::connect_to(port))
    {
        SSL_set_connect_state(tls.ssl());
    }

    raw_tls tls;
    std::size_t received = 0;
    bool said_goodbye = false;
};

const std::string message = std::string("\0\0\0\x40", 4) + std::string(64, 'm');
SSL_SESSION* newest = nullptr;  // what a resumed handshake goes on with

int keep_session(SSL*, SSL_SESSION* session)
{
    SSL_SESSION_free(newest);
    newest = session;
    return 1;
}

/// False when it has come to its end.
bool go_on(visit& v)
{
    v.tls.readable();
    if (!v.tls.established()) {
        const status state = v.tls.handshake();
        if (state == status::over) {
            bench::die_of_tls("the handshake failed");
        }
        if (state == status::done && !v.tls.write(message.data(), message.size())) {
            bench::die("the server closed the connection");
        }
        return true;
    }
    char incoming[256];
    std::size_t count = 0;
    const status state = v.tls.read(incoming, sizeof incoming, count);
    v.received += count;
    if (v.said_goodbye) {
        return state != status::over;
    }
    if (state == status::over) {
        bench::die("the server closed the connection");
    }
    if (v.received == message.size()) {
        v.said_goodbye = true;
        (void)v.tls.close_notify();
        ::shutdown(v.tls.descriptor(), SHUT_WR);
    }
    return true;
}

}  // namespace

int main(int count, char** arguments)
{
    if (count != 6) {
        std::fprintf(stderr,
                     "tls_handshake_load PORT SERVER_PID full|resumed CONNECTIONS SECONDS\n");
        return 2;
    }
    const int port = std::atoi(arguments[1]);
    const bool resumes = std::string(arguments[3]) == "resumed";
    const auto at_a_time = static_cast<std::size_t>(std::atoi(arguments[4]));

    SSL_CTX* const context = bench::make_tls_context(TLS_client_method());
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    const int polling = ::epoll_create1(0);
    std::vector<std::unique_ptr<visit>> visits(at_a_time);
    const auto begin = [&](std::unique_ptr<visit>& v) {
        v = std::make_unique<visit>(context, port);
        if (resumes && newest != nullptr) {
            // A copy: a session that has got its next ticket goes on for nobody else.
            SSL_SESSION* const own = SSL_SESSION_dup(newest);
            SSL_set_session(v->tls.ssl(), own);
            SSL_SESSION_free(own);
        }
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;  // it can write at once, and so says hello
        event.data.ptr = &v;
        ::epoll_ctl(polling, EPOLL_CTL_ADD, v->tls.descriptor(), &event);
    };
    for (auto& v : visits) {
        begin(v);
    }

    std::uint64_t done = 0;
    std::uint64_t of_the_wrong_kind = 0;
    bench::measurement measured(arguments[2], std::atof(arguments[5]));
    while (measured.goes_on(done)) {
        of_the_wrong_kind = done == 0 ? 0 : of_the_wrong_kind;
        epoll_event events[256];
        const int some = ::epoll_wait(polling, events, 256, 100);
        for (int i = 0; i < some; ++i) {
            auto& v = *static_cast<std::unique_ptr<visit>*>(events[i].data.ptr);
            if (go_on(*v)) {
                (void)v->tls.flush();
                continue;
            }
            of_the_wrong_kind += (SSL_session_reused(v->tls.ssl()) == 1) != resumes ? 1 : 0;
            ++done;
            ERR_clear_error();
            begin(v);
        }
    }
    if (of_the_wrong_kind != 0) {
        std::fprintf(stderr, "%llu handshakes were not %s\n",
                     static_cast<unsigned long long>(of_the_wrong_kind), arguments[3]);
        return 1;
    }
    measured.print(done, "handshake");
    return 0;
}
