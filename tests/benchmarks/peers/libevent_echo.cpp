/// The echo on libevent, as its users write it: a bufferevent a connection, whole frames moved from its
/// input to its output. No deadlines.

#include "../raw_socket.hpp"
#include "frames.hpp"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

namespace {

void on_read(bufferevent* connection, void*)
{
    evbuffer* const in = bufferevent_get_input(connection);
    evbuffer* const out = bufferevent_get_output(connection);
    for (;;) {
        char head[4];
        const std::size_t have = evbuffer_get_length(in);
        if (evbuffer_copyout(in, head, sizeof head) < 4) {
            return;
        }
        const std::size_t frame = bench::frame_size(head, sizeof head);
        if (have < frame) {
            return;
        }
        evbuffer_remove_buffer(in, out, frame);
    }
}

void on_event(bufferevent* connection, short what, void*)
{
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) {
        bufferevent_free(connection);
    }
}

void on_connection(evconnlistener*, evutil_socket_t accepted, sockaddr*, int, void* base)
{
    const int on = 1;
    ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bufferevent* const connection = bufferevent_socket_new(static_cast<event_base*>(base), accepted,
                                                           BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(connection, on_read, nullptr, on_event, nullptr);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
}

}  // namespace

int main()
{
    event_base* const base = event_base_new();
    evconnlistener* const listening = evconnlistener_new(base, on_connection, base,
                                                         LEV_OPT_CLOSE_ON_FREE, 4096,
                                                         bench::listen_on_any_port());
    const int ended = event_base_dispatch(base);
    evconnlistener_free(listening);
    event_base_free(base);
    return ended;
}
