/// asio_echo on beast::tcp_stream, whose deadlines are set before each read and each write: what people
/// write who want that a silent peer is let go.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/endian/conversion.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <netinet/tcp.h>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;

asio::awaitable<void> echo(boost::beast::tcp_stream stream)
try {
    using namespace std::chrono_literals;
    std::vector<char> payload;
    for (;;) {
        std::uint32_t wire = 0;
        stream.expires_after(65s);
        co_await asio::async_read(stream, asio::buffer(&wire, sizeof wire), asio::use_awaitable);
        payload.resize(boost::endian::big_to_native(wire));
        stream.expires_after(30s);
        co_await asio::async_read(stream, asio::buffer(payload), asio::use_awaitable);
        const std::array<asio::const_buffer, 2> reply{asio::buffer(&wire, sizeof wire),
                                                      asio::buffer(payload)};
        stream.expires_after(10s);
        co_await asio::async_write(stream, reply, asio::use_awaitable);
    }
} catch (const std::exception&) {
    // the peer has gone, or was too slow
}

asio::awaitable<void> accept_all(tcp::acceptor acceptor)
{
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
        socket.set_option(tcp::no_delay(true));
        asio::co_spawn(acceptor.get_executor(), echo(boost::beast::tcp_stream(std::move(socket))),
                       asio::detached);
    }
}

int main()
{
    asio::io_context context(1);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    // The same for all candidates.
    ::setsockopt(acceptor.native_handle(), IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
    std::printf("listening on 127.0.0.1:%d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    asio::co_spawn(context, accept_all(std::move(acceptor)), asio::detached);
    context.run();
}
