#include <libnet/asio.hpp>
#include <libnet/asio/adopt.hpp>
#include <libnet/libnet.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <syncstream>
#include <thread>
#include <utility>

namespace {

using namespace libnet;
using namespace libnet::literals;
namespace asio = boost::asio;

// [inside_a_task]
asio::awaitable<std::size_t> asio_coroutine(std::shared_ptr<const std::string> text)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(asio::use_awaitable);
    co_return text->size();
}

task<std::size_t> libnet_task()
{
    // Any operation of Asio's.
    asio::steady_timer timer(co_await this_executor(), 1ms);
    co_await checked(timer.async_wait(asio::deferred));

    // Any coroutine of Asio's, under our deadlines.
    auto text = std::make_shared<const std::string>("hello");
    co_return co_await within(1s, asio_coroutine(text));
}
// [end]

// [from_asio]
asio::awaitable<std::string> ask_from_asio(connection& server)
{
    result<> sent = co_await async(server.send("hello"), asio::use_awaitable);
    sent.value();
    result<bytes> answer = co_await async(server.receive(), asio::use_awaitable);
    co_return to_string(answer.value());
}
// [end]

task<> echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

// [own_context]
void serve_beside_other_things(asio::io_context& context)
{
    server echo_server("127.0.0.1:0", echo);
    spawn(context, echo_server.run(), [](std::exception_ptr thrown, result<> ended) {
        if (thrown) {
            std::rethrow_exception(thrown);  // it could not listen; leaves context.run()
        }
        ended.value();
    });

    asio::steady_timer closing_time(context, 10ms);
    closing_time.async_wait([&](error_code) { echo_server.stop(); });
    context.run();  // what else lives in the context runs as ever
}
// [end]

using asio::ip::tcp;

// [adopt]
task<std::string> ask(tcp::socket socket)
{
    connection peer = adopt(std::move(socket));  // lives on the socket's executor
    co_await checked(peer.send("hello"));
    const bytes answer = co_await checked(within(5s, peer.receive()));
    co_return to_string(answer);
}
// [end]

// [many_threads]
// When a session has ended: what it threw, or else how it ended.
void report(std::exception_ptr thrown, const result<>& ended)
{
    try {
        if (thrown) {
            std::rethrow_exception(thrown);
        }
        ended.value();
    } catch (const std::exception& why) {
        std::osyncstream(std::cerr) << "a session failed: " << why.what() << std::endl;
    }
}

void serve_each_on_a_strand(tcp::acceptor& acceptor)
{
    acceptor.async_accept(asio::make_strand(acceptor.get_executor()),
                          [&acceptor](error_code failed, auto socket) {
                              if (!failed) {
                                  serve(std::move(socket), echo, report);
                                  serve_each_on_a_strand(acceptor);
                              }
                          });
}
// [end]

// [release]
task<tcp::socket> upgrade_to_something_else(connection& peer)
{
    co_await checked(peer.send("go ahead"));
    auto back = co_await checked(release_socket<tcp::socket>(peer));  // "go ahead" has left
    // What the peer has sent already is in back.received: it comes before what the socket reads.
    co_return std::move(back.socket);
}
// [end]

TEST(Bridge, SocketsComeAndGo)
{
    asio::io_context context;
    tcp::acceptor acceptor(asio::make_strand(context), {asio::ip::make_address("127.0.0.1"), 0});
    const auto where = acceptor.local_endpoint();
    asio::post(acceptor.get_executor(), [&] { serve_each_on_a_strand(acceptor); });
    auto client = [&]() -> task<> {
        tcp::socket socket(co_await this_executor());
        co_await checked(socket.async_connect(where, asio::deferred));
        auto asking = ask(std::move(socket));
        const std::string answer = co_await checked(std::move(asking));
        EXPECT_EQ(answer, "hello");

        tcp::socket other(co_await this_executor());
        co_await checked(other.async_connect(where, asio::deferred));
        connection peer = adopt(std::move(other));
        tcp::socket back = co_await checked(upgrade_to_something_else(peer));
        std::string echoed(12, ' ');
        const std::size_t n =
            co_await checked(asio::async_read(back, asio::buffer(echoed), asio::deferred));
        EXPECT_EQ(n, 12U);
        EXPECT_EQ(echoed.substr(4), "go ahead");
        asio::post(acceptor.get_executor(), [&] { acceptor.close(); });
    };
    spawn(asio::make_strand(context), client(), [](std::exception_ptr, result<> ended) {
        EXPECT_TRUE(ended) << ended.error().message();
    });
    std::thread second([&] { context.run(); });
    context.run();
    second.join();
}

TEST(Bridge, SaysHowASessionFailed)
{
    testing::internal::CaptureStderr();
    report(std::make_exception_ptr(std::runtime_error("on purpose")), error::no_value);
    report(nullptr, error::timeout);
    report(nullptr, {});
    const std::string expected = "a session failed: on purpose\na session failed: ";
    const error_code late = error::timeout;
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              expected + boost::system::system_error(late).what() + "\n");
}

TEST(Bridge, AwaitsWhatAsioHas)
{
    asio::io_context context;
    std::size_t size = 0;
    spawn(context, libnet_task(),
          [&](std::exception_ptr, result<std::size_t> r) { size = r.value(); });
    context.run();
    EXPECT_EQ(size, 5U);
}

TEST(Bridge, IsAwaitedByAsio)
{
    asio::io_context context;
    std::string listening;
    server_options options;
    options.on_listening = [&](const std::string& where) { listening = where; };
    server echo_server("127.0.0.1:0", echo, options);
    spawn(context, echo_server.run(), [](std::exception_ptr, result<>) {});
    std::string answer;
    const auto client = [&]() -> asio::awaitable<void> {
        while (listening.empty()) {
            co_await asio::post(asio::use_awaitable);
        }
        auto peer = co_await spawn(context, connect(listening), asio::use_awaitable);
        answer = co_await ask_from_asio(*peer);
        echo_server.stop();
    };
    asio::co_spawn(context, client(), asio::detached);
    context.run();
    EXPECT_EQ(answer, "hello");
}

TEST(Bridge, LivesInAnExistingContext)
{
    asio::io_context context;
    serve_beside_other_things(context);
}

}  // namespace
