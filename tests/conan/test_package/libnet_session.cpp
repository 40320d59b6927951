// A server, and a client that asks it over a real socket.

#include <libnet/libnet.hpp>

#include <cstdio>
#include <string>

using namespace libnet;

task<> echo(connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

task<std::string> ask_over_tcp()
{
    loop& here = co_await this_loop();
    auto socket = tcp::listen(here, endpoint{"127.0.0.1", 0});
    const std::string where = socket->local();
    server echoing(std::move(socket), echo);
    std::string answer;
    const auto ask = [&](group& tasks) -> task<> {
        tasks.start(echoing.run());
        auto client = co_await checked(connect(where));
        co_await checked(client.send("hello"));
        const bytes frame = co_await checked(client.receive());
        answer = to_string(frame);
    };
    co_await checked(with_group(ask));
    co_return answer;
}

task<int> test()
{
    const result<std::string> answer = co_await ask_over_tcp();
    std::printf("over TCP: %s\n", answer ? answer->c_str() : answer.error().message().c_str());
    co_return answer && *answer == "hello" ? 0 : 1;
}

int main() { return run(test()); }
