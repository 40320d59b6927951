#include <libnet/libnet.hpp>

#include <iostream>

libnet::task<> echo(libnet::connection& peer)
{
    while (auto line = co_await peer.receive()) {
        co_await peer.send(*line);
    }
}

// [limits]
int main()
{
    using namespace libnet::literals;
    libnet::server_options options;
    options.connection.framing = libnet::delimited("\n", {.max_frame = 8_KiB});
    options.connection.idle_timeout = 10s;
    options.connection.frame_timeout = 2s;
    options.on_listening = [](const std::string& where) {
        std::cout << "listening on " << where << std::endl;
    };
    options.on_close = [](const libnet::session_report& report) {
        std::cout << report.info.peer << ": " << report.text() << ", "
                  << report.info.messages_received << " lines" << std::endl;
    };
    libnet::server server("127.0.0.1:9000", echo, options);
    return libnet::run(server.run());
}
// [end]
