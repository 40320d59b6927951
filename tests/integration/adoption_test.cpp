#include "support/patience.hpp"

#include <libnet/asio.hpp>
#include <libnet/asio/adopt.hpp>
#include <libnet/libnet.hpp>
#include <libnet/transport/descriptor.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <mutex>
#include <netinet/in.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

/// Sockets of Asio's that become connections, and connections that become sockets; in contexts that
/// one thread runs and in those of several.
namespace {

using namespace libnet;
using namespace libnet::literals;
using asio::ip::tcp;
using local = asio::local::stream_protocol;

connection_options lines()
{
    connection_options options;
    options.framing = delimited("\n");
    return options;
}

task<> echo(connection& peer)
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

// ---- several threads in one context ----------------------------------------------------------------

/// One context, four threads.
class crowd_of_threads {
public:
    ~crowd_of_threads() { join(); }

    void start()
    {
        for (int i = 0; i < 4; ++i) {
            threads_.emplace_back([this] { context.run(); });
        }
    }
    void join()
    {
        for (std::thread& t : threads_) {
            t.join();
        }
        threads_.clear();
    }

    asio::io_context context{4};

private:
    std::vector<std::thread> threads_;
};

/// Accepts as everybody does with Asio: each socket on a strand of its own.
void accept_all(tcp::acceptor& acceptor, const server::session& session)
{
    acceptor.async_accept(
        asio::make_strand(acceptor.get_executor()),
        [&acceptor, session](const error_code& failed, auto socket) {
            if (!failed) {
                serve(std::move(socket), session, lines(), asio::detached);
                accept_all(acceptor, session);
            }
        });
}

TEST(ManyThreads, HundredsOfConnectionsOnStrandsOfTheirOwn)
{
    constexpr int clients = 300;
    constexpr int rounds = 10;
    crowd_of_threads crowd;
    auto& context = crowd.context;
    tcp::acceptor acceptor(asio::make_strand(context), {asio::ip::make_address("127.0.0.1"), 0});
    const std::string where = "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
    // Timers, deadlines, groups and batches, in sessions that all run at once.
    auto session = [](connection& peer) -> task<> {
        auto side_by_side = [&](group& tasks) -> task<> {
            auto now_and_then = []() -> task<> {
                for (;;) {
                    co_await checked(sleep_for(50ms));
                }
            };
            tasks.start(now_and_then());
            co_await checked(echo(peer));
        };
        co_await checked(with_group(side_by_side));
    };
    asio::post(acceptor.get_executor(), [&] { accept_all(acceptor, session); });

    std::atomic<int> answers = 0;
    std::atomic<int> left = clients;
    auto client = [&](int number) -> task<> {
        connect_options options;
        options.connection = lines();
        options.connect_timeout = 30s;
        auto peer = co_await checked(connect(where, options));
        for (int i = 0; i < rounds; ++i) {
            const std::string text = std::to_string(number) + " says " + std::to_string(i);
            co_await checked(peer.send(text));
            const bytes answer = co_await checked(within(30s, peer.receive()));
            answers += as_text(answer) == text ? 1 : 0;
        }
        co_await checked(peer.close());
    };
    for (int i = 0; i < clients; ++i) {
        spawn(asio::make_strand(context), client(i), [&](std::exception_ptr, result<> ended) {
            EXPECT_TRUE(ended) << ended.error().message();
            if (--left == 0) {
                asio::post(acceptor.get_executor(), [&] { acceptor.close(); });
            }
        });
    }
    crowd.start();
    crowd.join();
    EXPECT_EQ(answers, clients * rounds);
    EXPECT_EQ(strand_loops(context), 0U);
}

TEST(ManyThreads, AServerOnAStrandIsStoppedByAnother)
{
    crowd_of_threads crowd;
    auto& context = crowd.context;
    std::atomic<int> port = 0;
    server_options options;
    options.connection = lines();
    options.on_listening = [&](const std::string& where) {
        port = endpoint::parse(where)->port;
    };
    server echo_server("127.0.0.1:0", echo, options);
    spawn(asio::make_strand(context), echo_server.run(), [](std::exception_ptr, result<> ended) {
        EXPECT_TRUE(ended);
    });
    crowd.start();
    while (port == 0) {
        std::this_thread::yield();
    }
    std::atomic<int> served = 0;
    auto client = [&]() -> task<> {
        connect_options to;
        to.connection = lines();
        auto peer = co_await checked(connect("127.0.0.1:" + std::to_string(port), to));
        co_await checked(peer.send("hello"));
        co_await checked(peer.receive());
        if (++served == 50) {
            echo_server.stop();
        }
    };
    for (int i = 0; i < 50; ++i) {
        spawn(asio::make_strand(context), client(), asio::detached);
    }
    crowd.join();
    EXPECT_EQ(served, 50);
    EXPECT_EQ(strand_loops(context), 0U);
}

TEST(ManyThreads, HandlesReachEveryStrand)
{
    constexpr int clients = 50;
    crowd_of_threads crowd;
    auto& context = crowd.context;
    std::vector<connection_handle> handles;
    std::mutex mutex;
    std::vector<tcp::socket> theirs;
    auto session = [&](connection& peer) -> task<> {
        {
            const std::lock_guard lock(mutex);
            handles.push_back(peer.handle());
        }
        while (auto frame = co_await peer.receive()) {
            const std::lock_guard lock(mutex);  // everybody hears it, on whichever thread
            for (const connection_handle& to : handles) {
                (void)to.send(*frame);
            }
        }
    };
    for (int i = 0; i < clients; ++i) {
        tcp_ends ends(context);
        serve(move_to(asio::make_strand(context), std::move(ends.ours)), session, lines(),
              asio::detached);
        theirs.push_back(std::move(ends.theirs));
    }
    crowd.start();
    for (std::size_t before = 0; before < clients;) {
        std::this_thread::yield();
        const std::lock_guard lock(mutex);
        before = handles.size();
    }
    for (auto& socket : theirs) {
        asio::write(socket, asio::buffer(std::string("x\n")));
    }
    for (auto& socket : theirs) {
        const std::string heard = read_all_of(socket, 2 * clients);
        EXPECT_EQ(std::count(heard.begin(), heard.end(), 'x'), clients);
    }
    theirs.clear();
    crowd.join();
    EXPECT_EQ(strand_loops(context), 0U);
    EXPECT_FALSE(handles.front().alive());
    EXPECT_EQ(handles.front().send("late").error(), error::closed);
}

TEST(ManyThreads, DatagramsOnStrands)
{
    constexpr int clients = 40;
    constexpr int rounds = 25;
    crowd_of_threads crowd;
    auto& context = crowd.context;
    std::string where;
    std::atomic<bool> listening = false;
    udp_server_options options;
    options.on_listening = [&](const std::string& at) {
        where = at;
        listening = true;
    };
    auto session = [](udp_peer& peer) -> task<> {
        while (auto message = co_await peer.receive()) {
            peer.send(*message);
        }
    };
    udp_server echo_server("127.0.0.1:0", session, options);
    spawn(asio::make_strand(context), echo_server.run(), [](std::exception_ptr, result<> ended) {
        EXPECT_TRUE(ended) << ended.error().message();
    });
    crowd.start();
    while (!listening) {
        std::this_thread::yield();
    }
    std::atomic<int> answers = 0;
    std::atomic<int> left = clients;
    auto client = [&](int number) -> task<> {
        udp_client_options to;
        to.timeout = 60s;
        to.retransmission.attempts = 10;
        auto server = co_await checked(udp_client::connect(where, to));
        for (int i = 0; i < rounds; ++i) {
            const std::string text = std::to_string(number) + " says " + std::to_string(i);
            const std::string answer = co_await checked(server.request(text));
            answers += answer == text ? 1 : 0;
        }
    };
    for (int i = 0; i < clients; ++i) {
        spawn(asio::make_strand(context), client(i), [&](std::exception_ptr, result<> ended) {
            EXPECT_TRUE(ended) << ended.error().message();
            if (--left == 0) {
                echo_server.stop();
            }
        });
    }
    crowd.join();
    EXPECT_EQ(answers, clients * rounds);
    EXPECT_EQ(strand_loops(context), 0U);
}

TEST(ManyThreads, AnOpenUdpSocketKeepsItsLoop)
{
    asio::io_context context;
    auto strand = asio::make_strand(context);
    std::optional<udp_socket> socket;
    auto open = [&]() -> task<std::string> {
        socket.emplace(co_await this_loop(), "127.0.0.1:0");
        co_return socket->local().to_string();
    };
    run_in(context, strand, open());
    context.restart();
    context.run();
    EXPECT_EQ(strand_loops(context), 1U) << "the socket lives there";
    auto exchange_and_close = [&]() -> task<std::string> {
        EXPECT_EQ(&socket->home(), &co_await this_loop());
        const socket_address here = socket->local();
        EXPECT_TRUE(socket->send_to(here, "to itself"));
        const datagram got = co_await checked(within(30s, socket->receive()));
        std::string text = to_string(got.payload());
        socket.reset();
        co_return text;
    };
    EXPECT_EQ(run_in(context, strand, exchange_and_close()), "to itself");
    context.restart();
    context.run();
    EXPECT_EQ(strand_loops(context), 0U);
}

TEST(ManyThreads, LookupsThatWereGivenUpKeepTheirLoops)
{
    crowd_of_threads crowd;
    auto& context = crowd.context;
    auto work = asio::make_work_guard(context);
    std::atomic<int> left = 20;
    auto give_up = []() -> task<> {
        auto connecting = connect("localhost:1");
        (void)co_await within(duration::zero(), std::move(connecting));
    };
    for (int i = left; i > 0; --i) {
        spawn(asio::make_strand(context), give_up(), [&](std::exception_ptr, result<>) { --left; });
    }
    crowd.start();
    while (left != 0 || strand_loops(context) != 0) {  // when the system has answered
        std::this_thread::yield();
    }
    work.reset();
}

TEST(ManyThreads, AStrandIsKnownByEachOfItsCopies)
{
    asio::io_context context;
    std::vector<const loop*> homes;
    auto look = [](std::vector<const loop*>& found) -> task<> {
        found.push_back(&co_await this_loop());
        while (found.size() < 3) {
            co_await yield();  // so that all live at the same time
        }
    };
    auto strand = asio::make_strand(context);
    spawn(strand, look(homes), asio::detached);
    spawn(asio::require(strand, asio::execution::outstanding_work.tracked), look(homes),
          asio::detached);
    spawn(asio::make_strand(context), look(homes), asio::detached);
    context.run();
    ASSERT_EQ(homes.size(), 3U);
    EXPECT_EQ(homes[0], homes[1]);
    EXPECT_NE(homes[0], homes[2]);
    EXPECT_EQ(strand_loops(context), 0U);
}

/// What the header of adoption says not to do: both threads run what lives in the context itself.
void two_threads_without_a_strand()
{
    asio::io_context context;
    std::promise<void> inside;
    std::promise<void> over;
    auto stay = [](std::promise<void>& here, std::future<void> until) -> task<> {
        here.set_value();
        until.wait();
        co_return;
    };
    spawn(context, stay(inside, over.get_future()), asio::detached);
    std::thread first([&] { context.run(); });
    inside.get_future().wait();
    loop_of(context).remote()->post([] {});
    context.run_one();
    over.set_value();
    first.join();
}

TEST(ManyThreadsDeathTest, WithoutAStrandTheyAreNoticed)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(two_threads_without_a_strand(), "two threads are in one loop.*make_strand");
}

TEST(ManyThreads, OneAfterTheOtherNeedsNoStrand)
{
    asio::io_context context;
    int turns = 0;
    for (int i = 0; i < 3; ++i) {
        auto count = [](int& of) -> task<> {
            co_await yield();
            ++of;
        };
        spawn(context, count(turns), asio::detached);
        context.restart();
        std::thread([&] { context.run(); }).join();
    }
    EXPECT_EQ(turns, 3);
}

TEST(ManyThreads, TheContextEndsUnderThem)
{
    for (int i = 0; i < 10; ++i) {
        asio::io_context outside;
        std::vector<tcp::socket> theirs;
        {
            asio::io_context context(4);
            for (int c = 0; c < 20; ++c) {
                tcp_ends ends(outside);
                serve(move_to(asio::make_strand(context), std::move(ends.ours)), echo, lines(),
                      asio::detached);
                theirs.push_back(std::move(ends.theirs));
            }
            std::vector<std::thread> threads;
            for (int t = 0; t < 4; ++t) {
                threads.emplace_back([&] { context.run(); });
            }
            for (auto& socket : theirs) {
                asio::write(socket, asio::buffer(std::string("hello\n")));
            }
            EXPECT_EQ(read_all_of(theirs.front(), 6), "hello\n");
            context.stop();
            for (std::thread& t : threads) {
                t.join();
            }
        }
        for (auto& socket : theirs) {
            error_code failed;
            std::string rest;
            asio::read(socket, asio::dynamic_buffer(rest), failed);
            EXPECT_TRUE(failed);
        }
    }
}

}  // namespace
