#include "migrating/sides.hpp"
#include "tls/support/authority.hpp"

#include <libnet/libnet.hpp>
#include <libnet/tls.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

/// Both sides of docs/migrating.md do the same.
namespace {

using namespace libnet;
using namespace libnet::literals;
using migrating::side;

constexpr run_options signals_alone{.on_signal = run_options::signals::ignore};

/// Does `body` with a server at hand.
class server_for_clients {
public:
    server_for_clients(server::session session, server_options options)
        : server_("127.0.0.1:0", std::move(session), with_hook(std::move(options))),
          thread_([this] { run(server_.run(), signals_alone); }),
          where_(listening_.get_future().get())
    {
    }
    ~server_for_clients()
    {
        server_.stop();
        thread_.join();
    }
    const std::string& where() const noexcept { return where_; }

private:
    server_options with_hook(server_options options)
    {
        options.drain_timeout = 100ms;
        options.on_listening = [this](const std::string& where) { listening_.set_value(where); };
        return options;
    }

    std::promise<std::string> listening_;
    server server_;
    std::thread thread_;
    std::string where_;
};

server_options lines()
{
    server_options options;
    options.connection.framing = delimited("\n");
    return options;
}

/// Answers what it hears, but for "sleep": then nothing.
task<> answer(connection& peer)
{
    while (auto line = co_await peer.receive()) {
        if (as_text(*line) != "sleep") {
            const std::string text = "you said " + to_string(*line);
            co_await peer.send(text);
        }
    }
}

class Migrating : public testing::TestWithParam<const char*> {
protected:
    const side& tested() const
    {
        return std::string(GetParam()) == "asio" ? migrating::with_asio()
                                                 : migrating::with_libnet();
    }
};

TEST_P(Migrating, Echo)
{
    const auto server = tested().echo();
    auto client = [](std::string where) -> task<> {
        auto peer = co_await checked(connect(where, fixed(100'000)));
        const std::string much(100'000, 'x');
        for (int i = 0; i < 3; ++i) {
            co_await checked(peer.send(much));
            const bytes back = co_await checked(within(20s, peer.receive()));
            EXPECT_EQ(as_text(back), much);
        }
    };
    run(client(server->where()), signals_alone);
}

TEST_P(Migrating, ChatRoom)
{
    const auto server = tested().chat_room();
    auto clients = [](std::string where) -> task<> {
        std::vector<connection> all;
        for (int i = 0; i < 3; ++i) {
            auto next = co_await checked(connect(where, delimited("\n")));
            co_await checked(next.send("here I am"));
            const bytes own = co_await checked(within(20s, next.receive()));
            EXPECT_EQ(as_text(own), "here I am");  // so it is a member
            all.push_back(std::move(next));
        }
        for (std::size_t heard = 0; heard < 2; ++heard) {  // those who came after it
            for (std::size_t i = 0; i + heard < 2; ++i) {
                const bytes line = co_await checked(within(20s, all[i].receive()));
                EXPECT_EQ(as_text(line), "here I am");
            }
        }
        co_await checked(all[1].send("hello"));
        for (connection& member : all) {
            const bytes line = co_await checked(within(20s, member.receive()));
            EXPECT_EQ(as_text(line), "hello");
        }
        co_await checked(all[0].close());
        co_await checked(all[2].send("he has gone"));
        const bytes line = co_await checked(within(20s, all[1].receive()));
        EXPECT_EQ(as_text(line), "he has gone");
    };
    run(clients(server->where()), signals_alone);
}

TEST_P(Migrating, Timeouts)
{
    const server_for_clients server(answer, lines());
    EXPECT_EQ(tested().ask(server.where(), "hello", 20s), "you said hello");
    EXPECT_THROW(tested().ask(server.where(), "sleep", 50ms), std::exception);
}

TEST_P(Migrating, Tls)
{
    const libnet::tests::authority known;
    const libnet::tests::authority unknown("Somebody Else");
    tls_server_options tls;
    tls.certificates = {known.issue()};
    server_options options = lines();
    options.layer = tls_context::server(tls);
    const server_for_clients server(answer, options);
    EXPECT_EQ(tested().ask_over_tls(server.where(), "hello", known.pem()), "you said hello");
    EXPECT_THROW(tested().ask_over_tls(server.where(), "hello", unknown.pem()), std::exception);
}

TEST_P(Migrating, Http)
{
    auto page = [](connection& peer) -> task<> {
        const bytes first = co_await checked(peer.receive());
        const std::string request = to_string(first);
        const std::string body = "You asked for " + request.substr(4, request.find(' ', 4) - 4);
        const std::string head = "HTTP/1.0 200 OK\r\nContent-Length: " +
                                 std::to_string(body.size()) + "\r\n\r\n";
        co_await checked(peer.send(head));
        co_await checked(peer.send(body));
    };
    server_options options;
    options.connection.framing = raw{};
    const server_for_clients server(page, options);
    EXPECT_EQ(tested().get(server.where(), "/index.html"), "You asked for /index.html");
}

/// The lines of a region, as the page shows it.
std::ptrdiff_t lines_of(const std::string& side, const std::string& program)
{
    std::ifstream file(std::string(MIGRATING) + "/" + side + "_side.cpp");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::size_t begin = text.find("// [" + side + "_" + program + "]\n");
    const std::size_t end = text.find("// [end]", begin);
    EXPECT_NE(end, std::string::npos) << side << ' ' << program;
    return std::count(text.begin() + begin, text.begin() + end, '\n') - 1;
}

TEST(MigratingPage, LibnetsSideIsShorter)
{
    for (const char* program : {"echo", "chat", "timeouts", "tls", "http"}) {
        EXPECT_LT(lines_of("libnet", program), lines_of("asio", program)) << program;
    }
}

INSTANTIATE_TEST_SUITE_P(Sides, Migrating, testing::Values("asio", "libnet"),
                         [](const auto& value) { return value.param; });

}  // namespace
