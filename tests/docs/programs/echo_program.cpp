#include <libnet/libnet.hpp>

#include <CLI/CLI.hpp>

#include <iostream>

libnet::task<> echo(libnet::connection& peer)
{
    while (auto line = co_await peer.receive()) {
        co_await peer.send(*line);
    }
}

// [program]
int main(int argc, char** argv)
{
    std::string listen = "127.0.0.1:9000";
    CLI::App app("Sends every line back.");
    app.add_option("--listen", listen, "HOST:PORT, or unix:PATH")->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong) == 0 ? 0 : 2;
    }
    libnet::server_options options;
    options.connection.framing = libnet::delimited("\n");
    options.on_listening = [](const std::string& where) {
        std::cout << "listening on " << where << std::endl;
    };
    try {
        libnet::server server(listen, echo, options);
        const int exit_code = libnet::run(server.run());
        std::cout << server.stats().accepted << " connections served" << std::endl;
        return exit_code;
    } catch (const std::exception& failure) {
        std::cerr << "cannot serve: " << failure.what() << '\n';
        return 1;
    }
}
// [end]
