/// The echo on libuv, as its users write it: a read callback, whole frames written back with
/// uv_try_write and, where the kernel takes less, uv_write. No deadlines.

#include "../raw_socket.hpp"
#include "frames.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <uv.h>
#include <vector>

namespace {

struct client {
    uv_tcp_t socket;
    std::vector<char> in = std::vector<char>(65536);
    std::size_t received = 0;
};

struct write_request {
    uv_write_t request;
    std::vector<char> data;
};

client& of(uv_handle_t* handle)
{
    return *static_cast<client*>(handle->data);
}

void end(uv_handle_t* handle)
{
    if (uv_is_closing(handle) == 0) {
        uv_close(handle, [](uv_handle_t* closed) { delete &of(closed); });
    }
}

void write_back(client& c, std::size_t size)
{
    auto* const stream = reinterpret_cast<uv_stream_t*>(&c.socket);
    uv_buf_t buffer = uv_buf_init(c.in.data(), static_cast<unsigned>(size));
    const int written = uv_stream_get_write_queue_size(stream) == 0
                            ? std::max(0, uv_try_write(stream, &buffer, 1))
                            : 0;
    const auto done = static_cast<std::size_t>(written);
    if (done == size) {
        return;
    }
    auto* const w = new write_request;
    w->request.data = w;
    w->data.assign(c.in.data() + done, c.in.data() + size);
    buffer = uv_buf_init(w->data.data(), static_cast<unsigned>(w->data.size()));
    uv_write(&w->request, stream, &buffer, 1,
             [](uv_write_t* written_one, int) { delete static_cast<write_request*>(written_one->data); });
}

void offer_room(uv_handle_t* handle, std::size_t, uv_buf_t* room)
{
    client& c = of(handle);
    const std::size_t needed = bench::frame_size(c.in.data(), c.received);
    if (needed > c.in.size()) {
        c.in.resize(needed);
    }
    *room = uv_buf_init(c.in.data() + c.received, static_cast<unsigned>(c.in.size() - c.received));
}

void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t*)
{
    auto* const handle = reinterpret_cast<uv_handle_t*>(stream);
    if (count < 0) {
        end(handle);
        return;
    }
    client& c = of(handle);
    c.received += static_cast<std::size_t>(count);
    const std::size_t whole = bench::whole_frames(c.in.data(), c.received);
    if (whole != 0) {
        write_back(c, whole);
        std::memmove(c.in.data(), c.in.data() + whole, c.received - whole);
        c.received -= whole;
    }
}

void on_connection(uv_stream_t* listening, int)
{
    auto* const c = new client;
    uv_tcp_init(listening->loop, &c->socket);
    c->socket.data = c;
    if (uv_accept(listening, reinterpret_cast<uv_stream_t*>(&c->socket)) != 0) {
        end(reinterpret_cast<uv_handle_t*>(&c->socket));
        return;
    }
    uv_tcp_nodelay(&c->socket, 1);
    uv_read_start(reinterpret_cast<uv_stream_t*>(&c->socket), offer_room, on_read);
}

}  // namespace

int main()
{
    uv_loop_t* const loop = uv_default_loop();
    uv_tcp_t listening;
    uv_tcp_init(loop, &listening);
    uv_tcp_open(&listening, bench::listen_on_any_port());
    uv_listen(reinterpret_cast<uv_stream_t*>(&listening), 4096, on_connection);
    return uv_run(loop, UV_RUN_DEFAULT);
}
