#include "support/asio_sockets.hpp"

#include <libnet/asio.hpp>
#include <libnet/asio/adopt.hpp>
#include <libnet/libnet.hpp>
#include <libnet/transport/descriptor.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <exception>
#include <mutex>
#include <netinet/in.h>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>

/// Sockets of Asio's that become connections, and connections that become sockets.
namespace {

using namespace integration;
using namespace libnet;
using asio::ip::tcp;
using local = asio::local::stream_protocol;

/// Says hello over `peer` to a blocking reader, and hears the answer.
task<std::string> exchange(connection& peer, auto& theirs)
{
    co_await checked(peer.send("hello"));
    co_await checked(peer.flush());
    EXPECT_EQ(read_all_of(theirs, 6), "hello\n");
    asio::write(theirs, asio::buffer(std::string("and to you\n")));
    const bytes answer = co_await checked(peer.receive());
    co_return to_string(answer);
}

TEST(Adopt, ATcpSocket)
{
    asio::io_context context(1);
    tcp_ends ends(context);
    const auto name = ends.ours.remote_endpoint();
    connection peer = adopt(std::move(ends.ours), lines());
    EXPECT_EQ(peer.peer(), "127.0.0.1:" + std::to_string(name.port()));
    EXPECT_EQ(&peer.home(), &loop_of(context));
    EXPECT_EQ(run_in(context, context.get_executor(), exchange(peer, ends.theirs)), "and to you");
}

/// Connects two ends on `near`, one of which says "far" of itself, and answers what libnet calls them.
std::pair<std::string, std::string> names_between(const tcp::endpoint& near,
                                                  const tcp::endpoint& far)
{
    asio::io_context context(1);
    tcp::acceptor acceptor(context, near);
    tcp::socket theirs(context);
    theirs.connect({far.address(), acceptor.local_endpoint().port()});
    tcp::socket ours = acceptor.accept();
    std::ostringstream asio_says;
    asio_says << ours.remote_endpoint() << ' ' << ours.local_endpoint();
    const connection peer = adopt(std::move(ours), lines());
    return {peer.peer() + ' ' + peer.info().local, asio_says.str()};
}

TEST(Adopt, CallsItsEndsWhatAsioCallsThem)
{
    const tcp::endpoint v6(tcp::v6(), 0);
    const tcp::endpoint v4(tcp::v4(), 0);
    const auto loopback_v4 = tcp::endpoint(asio::ip::address_v4::loopback(), 0);
    const auto loopback_v6 = tcp::endpoint(asio::ip::address_v6::loopback(), 0);
    for (const auto& [near, far] :
         {std::pair(v4, loopback_v4), {v6, loopback_v6}, {v6, loopback_v4}}) {
        const auto [ours, asios] = names_between(near, far);
        EXPECT_EQ(ours, asios);
    }
}

TEST(Adopt, AUnixSocket)
{
    asio::io_context context(1);
    local::socket ours(context);
    local::socket theirs(context);
    asio::local::connect_pair(ours, theirs);
    connection peer = adopt(std::move(ours), lines());
    EXPECT_THAT(peer.peer(), testing::StartsWith("unix: (process "));
    EXPECT_EQ(run_in(context, context.get_executor(), exchange(peer, theirs)), "and to you");
}

TEST(Adopt, ADescriptor)
{
    asio::io_context context(1);
    tcp_ends ends(context);
    auto body = [](int descriptor, tcp::socket& theirs) -> task<std::string> {
        connection peer(adopt_descriptor(co_await this_loop(), descriptor), lines());
        co_return co_await checked(exchange(peer, theirs));
    };
    const int descriptor = ends.ours.release();
    EXPECT_EQ(run_in(context, context.get_executor(), body(descriptor, ends.theirs)),
              "and to you");
}

TEST(Adopt, WhatWasReadBeforeComesFirst)
{
    asio::io_context context(1);
    tcp_ends ends(context);
    asio::write(ends.theirs, asio::buffer(std::string("the first\nthe second\n")));
    const std::string before = read_all_of(ends.ours, 14);  // as a buffered reader would
    connection peer = adopt(std::move(ends.ours), lines(), as_bytes(before));
    auto both = [](connection& from) -> task<std::string> {
        const std::string first = to_string(co_await checked(from.receive()));
        const bytes second = co_await checked(from.receive());
        co_return first + "|" + to_string(second);
    };
    EXPECT_EQ(run_in(context, context.get_executor(), both(peer)), "the first|the second");
}

TEST(Adopt, SetsNoDelayAndLeavesTheRest)
{
    asio::io_context context(1);
    tcp_ends ends(context);
    ends.ours.set_option(asio::socket_base::keep_alive(true));
    const connection peer = adopt(std::move(ends.ours));
    int value = 0;
    socklen_t size = sizeof value;
    const int descriptor = peer.transport().native_handle();
    ASSERT_EQ(::getsockopt(descriptor, IPPROTO_TCP, 1 /* TCP_NODELAY */, &value, &size), 0);
    EXPECT_NE(value, 0);
    ASSERT_EQ(::getsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
    EXPECT_NE(value, 0);
}

TEST(Adopt, RefusesWhatIsNoConnectedStream)
{
    asio::io_context context(1);
    EXPECT_THROW((void)adopt(tcp::socket(context)), boost::system::system_error) << "not open";
    EXPECT_THROW((void)adopt(tcp::socket(context, tcp::v4())), boost::system::system_error);
    const int datagram = ::socket(AF_INET, SOCK_DGRAM, 0);
    EXPECT_THROW((void)adopt_descriptor(loop_of(context), datagram), boost::system::system_error);
    EXPECT_THROW((void)adopt_descriptor(loop_of(context), 0x7fffffff),
                 boost::system::system_error);
    EXPECT_EQ(::close(datagram), 0) << "it was still ours";
}

TEST(Adopt, OnAStrandOnlyThere)
{
    asio::io_context context;
    tcp_ends ends(context);
    auto strand = asio::make_strand(context);
    auto socket = move_to(strand, std::move(ends.ours));
    EXPECT_THROW((void)loop_of(strand), std::logic_error);
    auto body = [&]() -> task<std::string> {
        connection peer = adopt(std::move(socket), lines());
        EXPECT_EQ(&peer.home(), &co_await this_loop());
        EXPECT_TRUE(strand.running_in_this_thread());
        co_return co_await checked(exchange(peer, ends.theirs));
    };
    EXPECT_EQ(run_in(context, strand, body()), "and to you");
    ends.theirs.close();
    context.restart();
    context.run();
    EXPECT_EQ(strand_loops(context), 0U) << "nobody lives there any more";
}

TEST(Release, GivesTheSocketBack)
{
    asio::io_context context(1);
    tcp_ends ends(context);
    connection peer = adopt(std::move(ends.ours), lines());
    auto body = [](connection& from, tcp::socket& theirs) -> task<std::string> {
        co_await checked(from.send("accepted before"));
        asio::write(theirs, asio::buffer(std::string("one\ntwo\n")));
        const std::string one = to_string(co_await checked(from.receive()));
        auto back = co_await checked(release_socket<tcp::socket>(from));
        EXPECT_EQ(read_all_of(theirs, 16), "accepted before\n");
        asio::write(back.socket, asio::buffer(std::string("by hand\n")));
        EXPECT_EQ(read_all_of(theirs, 8), "by hand\n");
        asio::write(theirs, asio::buffer(std::string("three")));
        const std::string three = read_all_of(back.socket, 5);
        EXPECT_EQ(back.socket.local_endpoint().protocol(), tcp::v4());
        co_return one + "|" + std::string(as_text(back.received)) + "|" + three;
    };
    EXPECT_EQ(run_in(context, context.get_executor(), body(peer, ends.theirs)), "one|two\n|three");
    EXPECT_EQ(peer.ended(), error::closed);
}

TEST(Release, AndTakesItAgain)
{
    asio::io_context context(1);
    local::socket ours(context);
    local::socket theirs(context);
    asio::local::connect_pair(ours, theirs);
    auto body = [](local::socket socket, local::socket& other) -> task<std::string> {
        for (int i = 0; i < 3; ++i) {
            connection peer = adopt(std::move(socket), lines());
            const std::string answer = co_await checked(exchange(peer, other));
            EXPECT_EQ(answer, "and to you");
            auto back = co_await checked(release_socket<local::socket>(peer));
            socket = std::move(back.socket);
        }
        asio::write(socket, asio::buffer(std::string("the end")));
        co_return read_all_of(other, 7);
    };
    EXPECT_EQ(run_in(context, context.get_executor(), body(std::move(ours), theirs)), "the end");
}

TEST(Serve, ClosesWhatItServed)
{
    asio::io_context context(1);
    tcp_ends ends(context);
    std::optional<result<>> ended;
    serve(std::move(ends.ours), echo, lines(),
          [&](std::exception_ptr, result<> outcome) { ended = outcome; });
    asio::write(ends.theirs, asio::buffer(std::string("hello\n")));
    ends.theirs.shutdown(tcp::socket::shutdown_send);
    context.run();
    EXPECT_TRUE(ended.value());
    std::string all;
    error_code failed;
    asio::read(ends.theirs, asio::dynamic_buffer(all), failed);
    EXPECT_EQ(all, "hello\n");
    EXPECT_EQ(failed, asio::error::eof);
}

TEST(Serve, TellsWhatTheSessionThrew)
{
    asio::io_context context(1);
    tcp_ends ends(context);
    auto session = [](connection&) -> task<> {
        co_await yield();
        throw std::domain_error("on purpose");
    };
    std::exception_ptr thrown;
    serve(std::move(ends.ours), session, [&](std::exception_ptr e, result<>) { thrown = e; });
    ends.theirs.close();
    context.run();
    EXPECT_THROW(std::rethrow_exception(thrown), std::domain_error);
}

TEST(Serve, WhatNeverBeganIsClosed)
{
    asio::io_context other;
    tcp_ends ends(other);
    {
        asio::io_context context;
        auto strand = asio::make_strand(context);
        serve(move_to(strand, std::move(ends.ours)), echo, asio::detached);
    }
    std::string all;
    error_code failed;
    asio::read(ends.theirs, asio::dynamic_buffer(all), failed);
    EXPECT_EQ(failed, asio::error::eof);
}

}  // namespace
