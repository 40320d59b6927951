#pragma once

#include <libnet/asio.hpp>
#include <libnet/libnet.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>

#include <exception>
#include <optional>
#include <string>
#include <utility>

/// What tests of libnet beside Asio have in common: sockets of Asio's, and contexts that Asio runs.
namespace integration {

using namespace libnet;
using asio::ip::tcp;

inline connection_options lines()
{
    connection_options options;
    options.framing = delimited("\n");
    return options;
}

inline task<> echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

/// Two ends of a connection over loopback, as sockets of Asio's.
struct tcp_ends {
    explicit tcp_ends(asio::io_context& context) : ours(context), theirs(context)
    {
        tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
        theirs.connect(acceptor.local_endpoint());
        acceptor.accept(ours);
    }
    tcp::socket ours;
    tcp::socket theirs;
};

std::string read_all_of(auto& socket, std::size_t size)
{
    std::string text(size, '\0');
    asio::read(socket, asio::buffer(text));
    return text;
}

/// Runs `body` in the context until it is done.
template <class T>
T run_in(asio::io_context& context, const asio::any_io_executor& where, task<T> body)
{
    std::optional<result<T>> outcome;
    std::exception_ptr failed;
    spawn(where, std::move(body), [&](std::exception_ptr thrown, result<T> ended) {
        failed = thrown;
        outcome.emplace(std::move(ended));
        context.stop();  // a connection that lives would keep it running
    });
    context.restart();
    context.run();
    if (failed) {
        std::rethrow_exception(failed);
    }
    return std::move(*outcome).value();
}

}  // namespace integration
