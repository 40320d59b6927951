// [program]
#include <libnet/libnet.hpp>

#include <iostream>

using namespace libnet::literals;  // 5s

libnet::task<int> ask(std::string_view question)
{
    auto server = co_await libnet::connect("127.0.0.1:9000", libnet::delimited("\n"));
    if (!server) {
        std::cerr << "cannot connect: " << server.error().message() << '\n';
        co_return 1;
    }
    co_await server->send(question);
    auto answer = co_await libnet::within(5s, server->receive());
    if (!answer) {
        std::cerr << "no answer: " << answer.error().message() << '\n';
        co_return 1;
    }
    std::cout << libnet::as_text(*answer) << '\n';
    co_return 0;
}

int main()
{
    return libnet::run(ask("how many words are these"));
}
// [end]
