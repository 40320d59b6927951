#include "sides.hpp"

#include <libnet/asio.hpp>
#include <libnet/asio/adopt.hpp>
#include <libnet/framing/delimited.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <set>
#include <stdexcept>
#include <thread>

namespace migrating {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace std::chrono_literals;

// [asio_echo]
awaitable<void> echo(tcp::socket socket)
{
    try {
        char data[4096];
        for (;;) {
            const std::size_t n =
                co_await socket.async_read_some(asio::buffer(data), use_awaitable);
            co_await asio::async_write(socket, asio::buffer(data, n), use_awaitable);
        }
    } catch (const std::exception&) {  // the peer has gone
    }
}

awaitable<void> accept_echo(tcp::acceptor& acceptor)
{
    for (;;) {
        auto socket = co_await acceptor.async_accept(use_awaitable);
        asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
    }
}
// [end]

// [asio_chat]
class member;

class room {
public:
    void join(std::shared_ptr<member> who) { members_.insert(std::move(who)); }
    void leave(const std::shared_ptr<member>& who) { members_.erase(who); }
    void say(const std::string& line);

private:
    std::set<std::shared_ptr<member>> members_;
};

class member : public std::enable_shared_from_this<member> {
public:
    member(tcp::socket socket, room& in)
        : socket_(std::move(socket)), timer_(socket_.get_executor()), room_(in)
    {
        timer_.expires_at(std::chrono::steady_clock::time_point::max());
    }

    void start()
    {
        room_.join(shared_from_this());
        const auto executor = socket_.get_executor();
        asio::co_spawn(executor, [self = shared_from_this()] { return self->read(); },
                       asio::detached);
        asio::co_spawn(executor, [self = shared_from_this()] { return self->write(); },
                       asio::detached);
    }

    void deliver(const std::string& line)
    {
        if (waiting_.size() < 1000) {  // whoever does not keep up misses lines
            waiting_.push_back(line);
            timer_.cancel_one();
        }
    }

private:
    awaitable<void> read()
    {
        try {
            for (std::string buffer;;) {
                const std::size_t n = co_await asio::async_read_until(
                    socket_, asio::dynamic_buffer(buffer, 1001), "\n", use_awaitable);
                room_.say(buffer.substr(0, n));
                buffer.erase(0, n);
            }
        } catch (const std::exception&) {
            stop();
        }
    }

    awaitable<void> write()
    {
        try {
            while (socket_.is_open()) {
                if (waiting_.empty()) {
                    boost::system::error_code woken;
                    co_await timer_.async_wait(asio::redirect_error(use_awaitable, woken));
                } else {
                    co_await asio::async_write(socket_, asio::buffer(waiting_.front()),
                                               use_awaitable);
                    waiting_.pop_front();
                }
            }
        } catch (const std::exception&) {
            stop();
        }
    }

    void stop()
    {
        room_.leave(shared_from_this());
        socket_.close();
        timer_.cancel();
    }

    tcp::socket socket_;
    asio::steady_timer timer_;
    room& room_;
    std::deque<std::string> waiting_;
};

void room::say(const std::string& line)
{
    for (const auto& each : members_) {
        each->deliver(line);
    }
}

awaitable<void> accept_members(tcp::acceptor& acceptor, room& lobby)
{
    for (;;) {
        auto socket = co_await acceptor.async_accept(use_awaitable);
        std::make_shared<member>(std::move(socket), lobby)->start();
    }
}
// [end]

// [asio_timeouts]
awaitable<std::string> ask(std::string host, std::string port, std::string question,
                           std::chrono::milliseconds limit)
{
    using namespace asio::experimental::awaitable_operators;
    const auto executor = co_await asio::this_coro::executor;
    tcp::resolver resolver(executor);
    tcp::socket server(executor);
    asio::steady_timer timer(executor, 3s);
    const auto timed_out = [] { return std::runtime_error("timed out"); };

    auto found = co_await (resolver.async_resolve(host, port, use_awaitable) ||
                           timer.async_wait(use_awaitable));
    if (found.index() == 1) {
        throw timed_out();
    }
    auto connected = co_await (asio::async_connect(server, std::get<0>(found), use_awaitable) ||
                               timer.async_wait(use_awaitable));
    if (connected.index() == 1) {
        throw timed_out();
    }

    question += '\n';
    timer.expires_after(10s);
    auto sent = co_await (asio::async_write(server, asio::buffer(question), use_awaitable) ||
                          timer.async_wait(use_awaitable));
    if (sent.index() == 1) {
        throw timed_out();
    }

    std::string answer;
    timer.expires_after(limit);
    auto read = co_await (asio::async_read_until(server, asio::dynamic_buffer(answer, 1 << 20),
                                                 '\n', use_awaitable) ||
                          timer.async_wait(use_awaitable));
    if (read.index() == 1) {
        throw timed_out();
    }
    co_return answer.substr(0, std::get<0>(read) - 1);
}
// [end]

// [asio_tls]
awaitable<std::string> ask_over_tls(std::string host, std::string port, std::string question,
                                    std::string authority)
{
    asio::ssl::context context(asio::ssl::context::tls_client);
    context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    context.add_certificate_authority(asio::buffer(authority));
    context.set_verify_mode(asio::ssl::verify_peer);
    context.set_verify_callback(asio::ssl::host_name_verification("localhost"));

    const auto executor = co_await asio::this_coro::executor;
    asio::ssl::stream<tcp::socket> server(executor, context);
    if (!SSL_set_tlsext_host_name(server.native_handle(), "localhost")) {
        throw std::runtime_error("no SNI");
    }
    tcp::resolver resolver(executor);
    const auto found = co_await resolver.async_resolve(host, port, use_awaitable);
    co_await asio::async_connect(server.lowest_layer(), found, use_awaitable);
    co_await server.async_handshake(asio::ssl::stream_base::client, use_awaitable);

    question += '\n';
    co_await asio::async_write(server, asio::buffer(question), use_awaitable);
    std::string answer;
    const std::size_t n = co_await asio::async_read_until(
        server, asio::dynamic_buffer(answer, 1 << 20), '\n', use_awaitable);
    co_return answer.substr(0, n - 1);  // and no deadline anywhere
}
// [end]

// [asio_http]
std::string get(const std::string& host, const std::string& port, const std::string& target)
{
    namespace http = beast::http;
    asio::io_context context;
    tcp::resolver resolver(context);
    tcp::socket server(context);
    asio::connect(server, resolver.resolve(host, port));

    http::request<http::empty_body> request(http::verb::get, target, 10);
    request.set(http::field::host, host + ':' + port);
    http::write(server, request);

    beast::flat_buffer buffer;
    http::response<http::string_body> answer;
    http::read(server, buffer, answer);  // for as long as the server likes
    boost::system::error_code gone;
    server.shutdown(tcp::socket::shutdown_both, gone);
    return answer.body();
}
// [end]

class serving final : public running_server {
public:
    template <class Start>
    explicit serving(Start start) : acceptor_(context_, {asio::ip::make_address("127.0.0.1"), 0})
    {
        start(context_, acceptor_);
        thread_ = std::thread([this] { context_.run(); });
    }
    ~serving() override
    {
        context_.stop();
        thread_.join();
    }
    std::string where() const override
    {
        return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }

private:
    asio::io_context context_{1};
    tcp::acceptor acceptor_;
    std::thread thread_;
};

template <class T>
T wait_for(awaitable<T> body)
{
    asio::io_context context(1);
    auto answer = asio::co_spawn(context, std::move(body), asio::use_future);
    context.run();
    return answer.get();
}

std::string host_of(const std::string& where) { return where.substr(0, where.rfind(':')); }
std::string port_of(const std::string& where) { return where.substr(where.rfind(':') + 1); }

class asio_side final : public side {
public:
    std::unique_ptr<running_server> echo() const override
    {
        return std::make_unique<serving>([](asio::io_context& context, tcp::acceptor& acceptor) {
            asio::co_spawn(context, accept_echo(acceptor), asio::detached);
        });
    }
    std::unique_ptr<running_server> chat_room() const override
    {
        auto lobby = std::make_shared<room>();
        return std::make_unique<serving>(
            [lobby](asio::io_context& context, tcp::acceptor& acceptor) {
                asio::co_spawn(context, accept_members(acceptor, *lobby),
                               [lobby](std::exception_ptr) {});
            });
    }
    std::string ask(const std::string& where, const std::string& question,
                    std::chrono::milliseconds limit) const override
    {
        return wait_for(migrating::ask(host_of(where), port_of(where), question, limit));
    }
    std::string ask_over_tls(const std::string& where, const std::string& question,
                             const std::string& authority) const override
    {
        return wait_for(
            migrating::ask_over_tls(host_of(where), port_of(where), question, authority));
    }
    std::string get(const std::string& where, const std::string& target) const override
    {
        return migrating::get(host_of(where), port_of(where), target);
    }
};

}  // namespace

const side& with_asio()
{
    static const asio_side only;
    return only;
}

}  // namespace migrating

// Here, because this file has paid for Beast's headers.
TEST(Adopt, ABeastStreamWithWhatItHasRead)
{
    using namespace migrating;
    asio::io_context context(1);
    tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
    beast::tcp_stream stream(context);
    stream.connect(acceptor.local_endpoint());
    tcp::socket other = acceptor.accept();
    asio::write(other, asio::buffer(std::string("for beast\nfor libnet\nfor l")));

    beast::flat_buffer buffer;
    buffer.commit(stream.read_some(buffer.prepare(1000)));
    buffer.consume(10);
    const auto rest = buffer.data();
    libnet::connection_options lines;
    lines.framing = libnet::delimited("\n");
    auto session = [](libnet::connection& peer) -> libnet::task<std::string> {
        const libnet::bytes line = co_await libnet::checked(peer.receive());
        co_return libnet::to_string(line);
    };
    libnet::connection peer = libnet::adopt(stream.release_socket(), lines,
                                            {static_cast<const std::byte*>(rest.data()), rest.size()});
    EXPECT_EQ(peer.info().unread, 16U);
    auto line = libnet::spawn(context, session(peer), asio::use_future);
    while (context.run_one_for(10s) != 0 && line.wait_for(0s) != std::future_status::ready) {}
    EXPECT_EQ(line.get().value(), "for libnet");
}
