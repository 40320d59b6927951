/// The echo written by hand on io_uring: a receive and a send under way on each connection at most, whole
/// frames sent back from the buffer that they came into, submissions of a turn in one system call. No
/// deadlines.

#include "../raw_socket.hpp"
#include "frames.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>
#include <vector>

namespace {

enum class step : std::uintptr_t { accept, receive, send };

struct client {
    int descriptor = -1;
    std::vector<char> in = std::vector<char>(65536);
    std::size_t received = 0;
    std::size_t whole = 0;  // bytes at the front that go back
    std::size_t sent = 0;
};

io_uring ring;

io_uring_sqe* next_entry()
{
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    if (entry == nullptr) {
        io_uring_submit(&ring);
        entry = io_uring_get_sqe(&ring);
    }
    return entry;
}

/// Clients are aligned, so that the low bits of their address can say which step has ended.
void remember(io_uring_sqe* entry, client* c, step what)
{
    io_uring_sqe_set_data64(entry,
                            reinterpret_cast<std::uintptr_t>(c) | static_cast<std::uintptr_t>(what));
}

void accept_next(int listening)
{
    io_uring_sqe* const entry = next_entry();
    io_uring_prep_accept(entry, listening, nullptr, nullptr, SOCK_CLOEXEC);
    remember(entry, nullptr, step::accept);
}

void receive(client& c)
{
    const std::size_t needed = bench::frame_size(c.in.data(), c.received);
    if (needed > c.in.size()) {
        c.in.resize(needed);
    }
    io_uring_sqe* const entry = next_entry();
    io_uring_prep_recv(entry, c.descriptor, c.in.data() + c.received, c.in.size() - c.received, 0);
    remember(entry, &c, step::receive);
}

void send(client& c)
{
    io_uring_sqe* const entry = next_entry();
    io_uring_prep_send(entry, c.descriptor, c.in.data() + c.sent, c.whole - c.sent, MSG_NOSIGNAL);
    remember(entry, &c, step::send);
}

void end(client& c)
{
    ::close(c.descriptor);
    delete &c;
}

void begin(int accepted)
{
    const int on = 1;
    ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto* const c = new client;
    c->descriptor = accepted;
    receive(*c);
}

void on_received(client& c, int count)
{
    if (count <= 0) {
        end(c);
        return;
    }
    c.received += static_cast<std::size_t>(count);
    c.whole = bench::whole_frames(c.in.data(), c.received);
    c.sent = 0;
    if (c.whole != 0) {
        send(c);
    } else {
        receive(c);
    }
}

void on_sent(client& c, int count)
{
    if (count <= 0) {
        end(c);
        return;
    }
    c.sent += static_cast<std::size_t>(count);
    if (c.sent < c.whole) {
        send(c);
        return;
    }
    std::memmove(c.in.data(), c.in.data() + c.whole, c.received - c.whole);
    c.received -= c.whole;
    receive(c);
}

}  // namespace

int main()
{
    const int listening = bench::listen_on_any_port();
    ::fcntl(listening, F_SETFL, 0);  // the ring waits, where a non-blocking one would answer EAGAIN
    io_uring_params parameters{};
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN;
    if (const int failed = io_uring_queue_init_params(4096, &ring, &parameters); failed != 0) {
        std::fprintf(stderr, "io_uring: %s\n", std::strerror(-failed));
        return 1;
    }
    accept_next(listening);
    for (;;) {
        io_uring_submit_and_wait(&ring, 1);
        io_uring_cqe* entry;
        unsigned head;
        unsigned seen = 0;
        io_uring_for_each_cqe(&ring, head, entry) {
            ++seen;
            const auto data = static_cast<std::uintptr_t>(entry->user_data);
            auto* const c = reinterpret_cast<client*>(data & ~std::uintptr_t{7});
            switch (static_cast<step>(data & 7)) {
            case step::accept:
                if (entry->res >= 0) {
                    begin(entry->res);
                }
                accept_next(listening);
                break;
            case step::receive: on_received(*c, entry->res); break;
            case step::send: on_sent(*c, entry->res); break;
            }
        }
        io_uring_cq_advance(&ring, seen);
    }
}
