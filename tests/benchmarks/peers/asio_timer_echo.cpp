/// asio_echo with `operation || timer`, as Asio's own examples bound what may take too long.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/endian/conversion.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <netinet/tcp.h>
#include <stdexcept>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace asio::experimental::awaitable_operators;

asio::awaitable<void> within(std::chrono::seconds limit, asio::awaitable<std::size_t> what)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, limit);
    const auto first = co_await (std::move(what) || timer.async_wait(asio::use_awaitable));
    if (first.index() == 1) {
        throw std::runtime_error("too slow");
    }
}

asio::awaitable<void> echo(tcp::socket socket)
try {
    using namespace std::chrono_literals;
    std::vector<char> payload;
    for (;;) {
        std::uint32_t wire = 0;
        co_await within(65s, asio::async_read(socket, asio::buffer(&wire, sizeof wire),
                                              asio::use_awaitable));
        payload.resize(boost::endian::big_to_native(wire));
        co_await within(30s,
                        asio::async_read(socket, asio::buffer(payload), asio::use_awaitable));
        const std::array<asio::const_buffer, 2> reply{asio::buffer(&wire, sizeof wire),
                                                      asio::buffer(payload)};
        co_await within(10s, asio::async_write(socket, reply, asio::use_awaitable));
    }
} catch (const std::exception&) {
    // the peer has gone, or was too slow
}

asio::awaitable<void> accept_all(tcp::acceptor acceptor)
{
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
        socket.set_option(tcp::no_delay(true));
        asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
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
