#include "sides.hpp"

#include <libnet/libnet.hpp>
#include <libnet/tls.hpp>

#include <future>
#include <list>
#include <stdexcept>
#include <thread>

namespace migrating {
namespace {

using namespace libnet;
using namespace libnet::literals;

// [libnet_echo]
task<> echo(connection& peer)
{
    while (auto bytes = co_await peer.receive()) {
        co_await peer.send(*bytes);
    }
}

server_options echo_options()
{
    server_options options;
    options.connection.framing = raw{};
    return options;
}
// [end]

// [libnet_chat]
class room {
public:
    task<> join(connection& peer)
    {
        const auto place = members_.insert(members_.end(), peer.handle());
        while (auto line = co_await peer.receive()) {
            for (const connection_handle& member : members_) {
                (void)member.send(*line);  // whoever does not keep up misses lines
            }
        }
        members_.erase(place);
    }

private:
    std::list<connection_handle> members_;
};

server_options chat_options()
{
    server_options options;
    options.connection.framing = delimited("\n", {.max_frame = 1000});
    options.connection.idle_timeout = never;  // who listens need not talk
    options.connection.first_frame_timeout = never;
    return options;
}
// [end]

// [libnet_timeouts]
task<std::string> ask(std::string where, std::string question, duration limit)
{
    auto server = co_await checked(connect(where, delimited("\n")));
    co_await checked(server.send(question));
    const bytes answer = co_await checked(within(limit, server.receive()));
    co_return to_string(answer);
}
// [end]

// [libnet_tls]
task<std::string> ask_over_tls(std::string where, std::string question, std::string authority)
{
    tls_client_options tls;
    tls.authorities = std::move(authority);
    tls.server_name = "localhost";
    connect_options options;
    options.layer = tls_context::client(tls);
    options.connection.framing = delimited("\n");
    auto server = co_await checked(connect(where, options));
    co_await checked(server.send(question));
    const bytes answer = co_await checked(within(10s, server.receive()));
    co_return to_string(answer);
}
// [end]

// [libnet_http]
task<std::string> get(std::string where, std::string target)
{
    auto server = co_await checked(connect(where, raw{}));
    const std::string request = "GET " + target + " HTTP/1.0\r\nHost: " + where + "\r\n\r\n";
    co_await checked(server.send(request));
    std::string answer;
    auto part = co_await within(10s, server.receive());
    for (; part; part = co_await within(10s, server.receive())) {
        answer += as_text(*part);
    }
    const std::size_t head = answer.find("\r\n\r\n");
    if (part.error() != error::closed || head == std::string::npos) {
        throw std::runtime_error("no answer");
    }
    co_return answer.substr(head + 4);
}
// [end]

/// Blocks until the task has ended.
template <class T>
T wait_for(task<T> body)
{
    std::optional<T> answer;
    const auto keep = [](task<T> asked, std::optional<T>& to) -> task<> {
        to = co_await checked(std::move(asked));
    };
    run(keep(std::move(body), answer), {.on_signal = run_options::signals::ignore});
    return std::move(answer).value();
}

class serving final : public running_server {
public:
    serving(server::session session, server_options options)
        : server_("127.0.0.1:0", std::move(session), with_hook(std::move(options))),
          thread_([this] { run(server_.run(), {.on_signal = run_options::signals::ignore}); }),
          where_(listening_.get_future().get())
    {
    }
    ~serving() override
    {
        server_.stop();
        thread_.join();
    }
    std::string where() const override { return where_; }

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

class libnet_side final : public side {
public:
    std::unique_ptr<running_server> echo() const override
    {
        return std::make_unique<serving>(migrating::echo, echo_options());
    }
    std::unique_ptr<running_server> chat_room() const override
    {
        auto lobby = std::make_shared<room>();
        return std::make_unique<serving>([lobby](connection& peer) { return lobby->join(peer); },
                                         chat_options());
    }
    std::string ask(const std::string& where, const std::string& question,
                    std::chrono::milliseconds limit) const override
    {
        return wait_for(migrating::ask(where, question, limit));
    }
    std::string ask_over_tls(const std::string& where, const std::string& question,
                             const std::string& authority) const override
    {
        return wait_for(migrating::ask_over_tls(where, question, authority));
    }
    std::string get(const std::string& where, const std::string& target) const override
    {
        return wait_for(migrating::get(where, target));
    }
};

}  // namespace

const side& with_libnet()
{
    static const libnet_side only;
    return only;
}

}  // namespace migrating
