#include "support/asio_sockets.hpp"

#include <libnet/asio/adopt.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

/// Contexts of Asio's that several threads run: each connection on a strand of its own.
namespace {

using namespace integration;
using namespace libnet;
using asio::ip::tcp;

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
    acceptor.async_accept(asio::make_strand(acceptor.get_executor()),
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
    options.on_listening = [&](const std::string& where) { port = endpoint::parse(where)->port; };
    server echo_server("127.0.0.1:0", echo, options);
    spawn(asio::make_strand(context), echo_server.run(),
          [](std::exception_ptr, result<> ended) { EXPECT_TRUE(ended); });
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
