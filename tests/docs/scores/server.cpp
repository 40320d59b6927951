#include "scores.hpp"

#include <iostream>

int main(int argc, char** argv)
{
    if (argc != 3) {
        std::cerr << "Usage: scores_server CHAIN.pem KEY.pem\n";
        return 2;
    }
    try {
        scoreboard scores;
        libnet::server_options options = serving_as({argv[1], argv[2]});
        options.on_listening = [](const std::string& where) {
            std::cout << "listening on " << where << std::endl;
        };
        options.on_close = [](const libnet::session_report& report) {
            std::cout << report.info.peer << ": " << report.text() << std::endl;
        };
        const auto session = [&](libnet::connection& peer) { return keep_score(peer, scores); };
        libnet::server server("127.0.0.1:9000", session, options);
        return libnet::run(server.run());
    } catch (const std::exception& failure) {
        std::cerr << "cannot serve: " << failure.what() << '\n';
        return 1;
    }
}
