/// Asio's TLS as everybody writes it: an ssl::stream and an awaitable a connection, async_read of the
/// length, async_read of the payload, async_write of both. The same wire format as the others. No
/// deadlines.
///
///     asio_ssl_echo CERTIFICATE KEY

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/endian/conversion.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <netinet/tcp.h>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using asio::ip::tcp;
using tls_stream = asio::ssl::stream<tcp::socket>;

asio::awaitable<void> echo(tls_stream stream)
try {
    co_await stream.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
    std::vector<char> payload;
    for (;;) {
        std::uint32_t wire = 0;
        co_await asio::async_read(stream, asio::buffer(&wire, sizeof wire), asio::use_awaitable);
        payload.resize(boost::endian::big_to_native(wire));
        co_await asio::async_read(stream, asio::buffer(payload), asio::use_awaitable);
        const std::array<asio::const_buffer, 2> reply{asio::buffer(&wire, sizeof wire),
                                                      asio::buffer(payload)};
        co_await asio::async_write(stream, reply, asio::use_awaitable);
    }
} catch (const std::exception&) {
    // the peer has gone
}

asio::awaitable<void> accept_all(tcp::acceptor acceptor, asio::ssl::context& tls)
{
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
        socket.set_option(tcp::no_delay(true));
        asio::co_spawn(acceptor.get_executor(), echo(tls_stream(std::move(socket), tls)),
                       asio::detached);
    }
}

int main(int count, char** arguments)
{
    if (count < 3) {
        std::fprintf(stderr, "asio_ssl_echo CERTIFICATE KEY\n");
        return 2;
    }
    asio::io_context context(1);
    asio::ssl::context tls(asio::ssl::context::tls_server);
    tls.use_certificate_chain_file(arguments[1]);
    tls.use_private_key_file(arguments[2], asio::ssl::context::pem);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    // The same for all candidates.
    ::setsockopt(acceptor.native_handle(), IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
    std::printf("listening on 127.0.0.1:%d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    asio::co_spawn(context, accept_all(std::move(acceptor), tls), asio::detached);
    context.run();
}
