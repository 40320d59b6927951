#include "scores.hpp"

#include <iostream>
#include <vector>

// Asks one question after the other, while the pool looks after its connections beside it.
libnet::task<int> ask_all(libnet::pool& servers, std::vector<std::string> requests)
{
    int exit_code = 0;
    auto asking = [&](libnet::group& beside) -> libnet::task<> {
        beside.start(servers.run());
        for (const std::string& request : requests) {
            const auto answer = co_await ask(servers, request);
            if (answer) {
                std::cout << *answer << '\n';
            } else {
                std::cerr << request << ": " << answer.error().message() << '\n';
                exit_code = 1;
            }
        }
        servers.drain();
        co_await libnet::checked(beside.join());
    };
    co_await libnet::checked(libnet::with_group(asking));
    co_return exit_code;
}

int main(int argc, char** argv)
{
    if (argc < 3) {
        std::cerr << "Usage: scores_client AUTHORITY.pem REQUEST...\n";
        return 2;
    }
    try {
        libnet::pool servers("127.0.0.1:9000", trusting(argv[1]));
        return libnet::run(ask_all(servers, {argv + 2, argv + argc}));
    } catch (const std::exception& failure) {
        std::cerr << "cannot ask: " << failure.what() << '\n';
        return 1;
    }
}
