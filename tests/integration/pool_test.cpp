#include "support/child_process.hpp"
#include "support/required_programs.hpp"

#include <libnet/libnet.hpp>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <csignal>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// A pool over servers that others wrote.
namespace {

using namespace integration;
using namespace libnet;
using namespace libnet::literals;

/// Replies of Redis (RESP 2), one frame each; a command is a line.
struct resp {
    static constexpr std::size_t none = std::string_view::npos;

    decoded decode(bytes received) const
    {
        const std::size_t end = end_of_reply(as_text(received), 0);
        if (end == none) {
            return decoded::incomplete(received.size() + 1);
        }
        return end == 0 ? decoded::failed(error::malformed_frame) : decoded::frame(0, end, end);
    }

    void encode(bytes, envelope& out) const { out.tail = as_bytes("\r\n"); }

private:
    /// 0: it is none.
    static std::size_t end_of_reply(std::string_view text, std::size_t begin)
    {
        const std::size_t line = text.find("\r\n", begin);
        if (line == none) {
            return none;
        }
        std::size_t end = line + 2;
        const char kind = text[begin];
        if (kind == '+' || kind == '-' || kind == ':') {
            return end;
        }
        long long count = 0;
        const auto [rest, failed] =
            std::from_chars(text.data() + begin + 1, text.data() + line, count);
        if ((kind != '$' && kind != '*') || failed != std::errc()) {
            return 0;
        }
        if (kind == '$' && count >= 0) {
            end += static_cast<std::size_t>(count) + 2;
            return text.size() >= end ? end : none;
        }
        for (; kind == '*' && count > 0 && end != none && end != 0; --count) {
            end = end < text.size() ? end_of_reply(text, end) : none;
        }
        return end;
    }
};

/// Replies of memcached's text protocol: a line, or values up to "END".
struct memcached_text {
    decoded decode(bytes received) const
    {
        const std::string_view text = as_text(received);
        const bool values = text.starts_with("VALUE ");
        const std::string_view last = values ? "\r\nEND\r\n" : "\r\n";
        const std::size_t end = text.find(last);
        if (end == std::string_view::npos) {
            return decoded::incomplete(text.size() + 1);
        }
        return decoded::frame(0, end, end + last.size());
    }

    void encode(bytes, envelope& out) const { out.tail = as_bytes("\r\n"); }
};

std::string free_port()
{
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(socket);
    return std::to_string(ntohs(address.sin_port));
}

task<std::string> ask(connection& peer, std::string_view command)
{
    co_await checked(peer.send(command));
    const bytes reply = co_await checked(peer.receive());
    co_return to_string(reply);
}

task<> expect(connection& peer, std::string_view command, std::string_view expected)
{
    const std::string reply = co_await checked(ask(peer, command));
    if (!reply.starts_with(expected)) {
        co_await fail(error::malformed_frame);
    }
}

task<> redis_ping(connection& peer)
{
    return expect(peer, "PING", "+PONG");
}

task<> memcached_version(connection& peer)
{
    return expect(peer, "version", "VERSION");
}

/// A server on a port of its own, a pool of 8 over it, and borrowers.
struct scene {
    scene(std::vector<std::string> program, any_framing framing, task<> (*check)(connection&))
        : command(std::move(program)),
          servers("127.0.0.1:" + command.back(), options(framing, check))
    {
        start_server();
    }

    static pool_options options(const any_framing& framing, task<> (*check)(connection&))
    {
        pool_options all;
        all.connect.connection.framing = framing;
        all.lending = {.max_size = 8, .min_idle = 8, .borrow_timeout = 2s};
        all.lending.check_every = 100ms;  // so that it happens here
        all.lending.retry.longest = 200ms;
        all.lending.breaker.longest_open = 500ms;
        all.check = check;
        return all;
    }

    void start_server() { server = std::make_unique<child_process>(command); }

    void kill_server()
    {
        server->signal(SIGKILL);
        server.reset();  // waits for its end
        ++deaths;
    }

    /// Runs `body` beside the pool, which is up when it begins.
    int run(task<> body)
    {
        auto all = [](scene* s, task<> inner) -> task<> {
            auto side_by_side = [&](group& g) -> task<> {
                g.start(s->servers.run());
                while (s->servers.stats().idle != 8) {
                    co_await checked(sleep_for(5ms));
                }
                co_await checked(std::move(inner));
                s->servers.drain();
                co_await checked(g.join());
            };
            co_await checked(within(40s, with_group(side_by_side)));
        };
        return libnet::run(all(this, std::move(body)), {.on_signal = run_options::signals::ignore});
    }

    std::vector<std::string> command;
    std::unique_ptr<child_process> server;
    int deaths = 0;
    pool servers;
};

/// The port goes last.
std::vector<std::string> redis()
{
    return {"redis-server", "--bind", "127.0.0.1", "--save",   "",
            "--appendonly", "no",     "--port",    free_port()};
}

std::vector<std::string> memcached()
{
    return {"memcached", "-u", "root", "-U", "0", "-l", "127.0.0.1", "-p", free_port()};
}

/// Starts so many of `call(number)` and waits for all.
template <class Call>
task<> side_by_side(int count, Call& call)
{
    auto all = [&](group& g) -> task<> {
        for (int n = 0; n != count; ++n) {
            g.start(call(n));
        }
        co_await checked(g.join());
    };
    co_await checked(with_group(all));
}

TEST(PoolOverRedis, EightConnectionsServeACrowdWithPipelines)
{
    REQUIRE_PROGRAM("redis-server")
    scene s(redis(), resp{}, redis_ping);
    int right = 0;
    auto borrower = [&](int n) -> task<> {
        for (int round = 0; round != 10; ++round) {
            auto peer = co_await checked(s.servers.borrow());
            const std::string key = "key:" + std::to_string(n);
            const std::string value = std::to_string(n * 1000 + round);
            // All of it at once, then the answers, in order.
            co_await checked((*peer).send("SET " + key + ' ' + value));
            co_await checked((*peer).send("GET " + key));
            co_await checked((*peer).send("MGET " + key + " nothing"));
            const std::string bulk = '$' + std::to_string(value.size()) + "\r\n" + value + "\r\n";
            for (const std::string& expected :
                 {std::string("+OK\r\n"), bulk, "*2\r\n" + bulk + "$-1\r\n"}) {
                const bytes reply = co_await checked((*peer).receive());
                right += as_text(reply) == expected ? 1 : 0;
            }
        }
    };
    auto body = [&]() -> task<> {
        co_await checked(side_by_side(64, borrower));
        // What Redis knows of it.
        auto peer = co_await checked(s.servers.borrow());
        const std::string info = co_await checked(ask(*peer, "INFO clients"));
        EXPECT_NE(info.find("connected_clients:8\r\n"), std::string::npos) << info;
        peer.give_back();
        co_await checked(sleep_for(300ms));  // for some checks
    };
    EXPECT_EQ(s.run(body()), 0);
    EXPECT_EQ(right, 64 * 10 * 3);
    EXPECT_EQ(s.servers.stats().created, 8U);
    EXPECT_EQ(s.servers.stats().lent, 641U);
    EXPECT_GE(s.servers.stats().waited, 64U - 8U);
    EXPECT_EQ(s.servers.stats().broken + s.servers.stats().discarded, 0U);
}

/// What a crowd of callers saw while their server died and came back.
struct crowd {
    int answered = 0;
    int lost_in_flight = 0;  // they had begun before the server died
    int lost_for_nothing = 0;
    int not_begun = 0;  // told so: circuit_open, pool_exhausted
    bool finish = false;
};

/// Kills the server under load, twice, and restarts it.
void die_and_come_back(scene& s, std::string_view command, std::string_view expected)
{
    crowd seen;
    auto caller = [&](int) -> task<> {
        while (!seen.finish) {
            auto peer = co_await s.servers.borrow();
            if (!peer) {
                EXPECT_TRUE(peer.error() == error::circuit_open ||
                            peer.error() == error::pool_exhausted)
                    << peer.error().message();
                ++seen.not_begun;
                co_await checked(sleep_for(20ms));
                continue;
            }
            const int deaths = s.deaths;
            const auto reply = co_await ask(**peer, command);
            if (reply) {
                EXPECT_EQ(*reply, expected);
                ++seen.answered;
            } else {
                ++(deaths != s.deaths ? seen.lost_in_flight : seen.lost_for_nothing);
            }
        }
    };
    auto misfortune = [&]() -> task<> {
        for (int round = 0; round != 2; ++round) {
            co_await checked(sleep_for(200ms));
            s.kill_server();
            co_await checked(sleep_for(700ms));
            const int before = seen.answered;
            s.start_server();
            while (seen.answered < before + 200) {
                co_await checked(sleep_for(5ms));
            }
        }
        seen.finish = true;
    };
    auto body = [&]() -> task<> {
        auto both = [&](group& g) -> task<> {
            g.start(side_by_side(32, caller));
            co_await checked(misfortune());
            co_await checked(g.join());
        };
        co_await checked(with_group(both));
        EXPECT_EQ(s.servers.endpoints()[0].state, circuit::closed);
    };
    EXPECT_EQ(s.run(body()), 0);
    EXPECT_GT(seen.answered, 400);
    EXPECT_LE(seen.lost_in_flight, 2 * 8);
    EXPECT_EQ(seen.lost_for_nothing, 0);
    EXPECT_GT(seen.not_begun, 0);
    EXPECT_EQ(s.servers.stats().in_use, 0U);
    std::cout << seen.answered << " calls answered, " << seen.lost_in_flight << " in flight lost, "
              << seen.not_begun << " told not to begin\n";
}

TEST(PoolOverRedis, AServerThatDiesCostsTheCallsInFlightAndNoOthers)
{
    REQUIRE_PROGRAM("redis-server")
    scene s(redis(), resp{}, redis_ping);
    die_and_come_back(s, "ECHO hello", "$5\r\nhello\r\n");
}

TEST(PoolOverMemcached, EightConnectionsServeACrowd)
{
    REQUIRE_PROGRAM("memcached")
    scene s(memcached(), memcached_text{}, memcached_version);
    int right = 0;
    auto borrower = [&](int n) -> task<> {
        for (int round = 0; round != 10; ++round) {
            auto peer = co_await checked(s.servers.borrow());
            const std::string key = "key" + std::to_string(n);
            co_await checked((*peer).send("set " + key + " 0 0 5\r\nhello"));
            co_await checked((*peer).send("get " + key));
            const std::string stored = to_string(co_await checked((*peer).receive()));
            const std::string got = to_string(co_await checked((*peer).receive()));
            right += stored == "STORED" && got == "VALUE " + key + " 0 5\r\nhello" ? 1 : 0;
        }
    };
    EXPECT_EQ(s.run(side_by_side(64, borrower)), 0);
    EXPECT_EQ(right, 640);
    EXPECT_EQ(s.servers.stats().created, 8U);
}

TEST(PoolOverMemcached, AServerThatDiesCostsTheCallsInFlightAndNoOthers)
{
    REQUIRE_PROGRAM("memcached")
    scene s(memcached(), memcached_text{}, memcached_version);
    die_and_come_back(s, "get nothing", "END");
}

TEST(PoolPrograms, CallersShareAPoolAndEachGetsItsOwnAnswer)
{
    child_process server({KEY_VALUE_SERVER, "--listen", "127.0.0.1:0"});
    const std::string listening = server.line("listening on ");
    const std::string address = listening.substr(listening.rfind(' ') + 1);
    child_process client({POOL_CLIENT, "--connect", address, "--pool", "4", "--callers", "16",
                          "--interval", "100ms", "--for", "500ms"});
    EXPECT_NE(client.line("pool  4 (").find("closed"), std::string::npos);
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_NE(ended.output.find(", wrong 0\n"), std::string::npos) << ended.output;
    server.signal(SIGTERM);
    EXPECT_EQ(server.finish().code, 0);
}

TEST(PoolPrograms, AServerWithTooMuchToDoSaysSoAndTheCallersBearIt)
{
    child_process server({KEY_VALUE_SERVER, "--listen", "127.0.0.1:0", "--work", "20ms", "--limit",
                          "2", "--queue", "2"});
    const std::string listening = server.line("listening on ");
    const std::string address = listening.substr(listening.rfind(' ') + 1);
    child_process client(
        {POOL_CLIENT, "--connect", address, "--pool", "16", "--callers", "16", "--for", "700ms"});
    const auto ended = client.finish();
    EXPECT_EQ(ended.code, 0) << ended.errors;
    EXPECT_EQ(ended.output.find(", busy 0,"), std::string::npos) << ended.output;
    EXPECT_NE(ended.output.find(", lost 0,"), std::string::npos) << ended.output;
    EXPECT_NE(ended.output.find(", wrong 0\n"), std::string::npos) << ended.output;
}

TEST(PoolPrograms, SayWhatIsWrongWithTheirFlags)
{
    EXPECT_EQ(child_process({POOL_CLIENT, "--pool", "0"}).finish().code, 2);
    EXPECT_EQ(child_process({POOL_CLIENT, "--connect", "nowhere"}).finish().code, 2);
    EXPECT_EQ(child_process({KEY_VALUE_SERVER, "--listen", "nowhere"}).finish().code, 2);
    EXPECT_EQ(child_process({KEY_VALUE_SERVER, "--limit", "0"}).finish().code, 2);
}

}  // namespace
