// [program]
#include <libnet/libnet.hpp>

#include <iostream>
#include <sstream>

// Answers each line with the number of its words, until the client says "bye" or goes.
libnet::task<> count_words(libnet::connection& peer)
{
    while (auto line = co_await peer.receive()) {
        const std::string_view text = libnet::as_text(*line);  // valid until the next receive()
        if (text == "bye") {
            co_await peer.send("goodbye");
            co_return;
        }
        std::istringstream words{std::string(text)};
        int count = 0;
        for (std::string word; words >> word;) {
            ++count;
        }
        co_await peer.send(std::to_string(count) + " words");
    }
}

int main()
{
    libnet::server_options options;
    options.connection.framing = libnet::delimited("\n");
    options.on_listening = [](const std::string& where) {
        std::cout << "listening on " << where << std::endl;
    };
    options.on_close = [](const libnet::session_report& report) {
        std::cout << report.info.peer << ": " << report.text() << std::endl;
    };
    libnet::server server("127.0.0.1:9000", count_words, options);
    return libnet::run(server.run());
}
// [end]
