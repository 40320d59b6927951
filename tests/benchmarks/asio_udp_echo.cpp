/// Asio as everybody writes it: async_receive_from, async_send_to, one datagram after the other.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using asio::ip::udp;

asio::awaitable<void> echo(udp::socket socket)
{
    std::vector<char> payload(65'507);
    for (;;) {
        udp::endpoint peer;
        const std::size_t size =
            co_await socket.async_receive_from(asio::buffer(payload), peer, asio::use_awaitable);
        co_await socket.async_send_to(asio::buffer(payload, size), peer, asio::use_awaitable);
    }
}

int main()
{
    asio::io_context context(1);
    udp::socket socket(context, {asio::ip::address_v4::loopback(), 0});
    socket.set_option(udp::socket::receive_buffer_size(1 << 20));
    std::printf("listening on 127.0.0.1:%d\n", socket.local_endpoint().port());
    std::fflush(stdout);
    asio::co_spawn(context, echo(std::move(socket)), asio::detached);
    context.run();
}
