/// tcp_echo_client: sends messages to an echo server and checks what comes back.

#include "../support/experiments.hpp"
#include "../support/flags.hpp"
#include "../support/timeout_flags.hpp"

#include <libnet/libnet.hpp>

#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct settings {
    std::string connect = "127.0.0.1:9000";
    std::string framing = "length4";
    libnet::duration timeout = std::chrono::seconds(10);
    std::vector<std::string> messages;
    std::string file;
    unsigned count = 1;
    libnet::connection_options connection;
    flags::experiment experiment;
};

// Something that a user should read: what happened, to whom, when, and what to do about it.
struct failure : std::runtime_error {
    using runtime_error::runtime_error;
};

// Sends one message and waits for its reply. With --framing raw there are no messages, so the reply
// is as many bytes as were sent. `doing` says how far it has come.
libnet::task<std::string> exchange(libnet::connection& peer, const std::string& message,
                                   const settings& with, const char*& doing)
{
    doing = "sending";
    co_await checked(peer.send(message));
    if (with.experiment.never_read) {
        co_return message;
    }
    doing = "waiting for the reply to";
    if (with.experiment.read_delay != libnet::duration::zero()) {
        co_await checked(libnet::sleep_for(with.experiment.read_delay));
    }
    const bool raw = with.framing == "raw";
    std::string reply;
    if (!raw) {
        reply = libnet::as_text(co_await checked(peer.receive()));
    }
    while (raw && reply.size() < message.size()) {
        reply += libnet::as_text(co_await checked(peer.receive()));
    }
    co_return reply;
}

// What went wrong, and what can be done about it.
std::string explain(libnet::error_code why, const settings& with)
{
    using libnet::error;
    namespace errc = boost::system::errc;
    if (why == error::timeout || why == error::connect_timeout) {
        return "no answer within " + flags::time_to_text(with.timeout) +
               "; raise --timeout, or see whether the server uses another --framing than " +
               with.framing;
    }
    if (why == error::refused_payload) {
        return "it contains the end of a line; use another --framing than line";
    }
    if (why == error::frame_too_large && with.framing == "length2") {
        return "length2 carries 65535 bytes at most; use --framing length4 on both sides";
    }
    const bool ended =
        why == error::closed || why == errc::connection_reset || why == errc::broken_pipe;
    if (ended && with.experiment.never_read) {
        return "the server ended the connection, as it should if nobody reads its replies";
    }
    if (ended) {
        return "the server ended the connection; its log says why: it may use another --framing "
               "than " +
               with.framing + ", or a --max-frame below the message";
    }
    if (why == errc::connection_refused) {
        return "nobody listens there; start tcp_echo_server, or see --connect";
    }
    if (why == error::host_not_found) {
        return why.message() + "; see --connect";
    }
    return why.message();
}

// Sends one message as often as --count says, prints each reply and compares it.
libnet::task<> try_message(libnet::connection& peer, const std::string& message,
                           std::uint64_t& number, const settings& with)
{
    for (unsigned i = 0; i < with.count; ++i) {
        const char* doing = "";
        ++number;
        // With --never-read it is the server's patience that is tried, not ours.
        const libnet::duration limit = with.experiment.never_read ? libnet::never : with.timeout;
        auto reply = co_await libnet::within(limit, exchange(peer, message, with, doing));
        const auto fail = [&](const std::string& what) {
            throw failure(with.connect + ": " + doing + " message " + std::to_string(number) +
                          " (" + flags::count(message.size(), "byte") + "): " + what);
        };
        if (!reply) {
            fail(explain(reply.error(), with));
        }
        if (with.experiment.never_read) {
            continue;
        }
        std::cout << "echo: " << *reply << std::endl;
        if (!std::cout) {
            throw failure("cannot write to the standard output");
        }
        if (*reply != message) {
            doing = "comparing the reply to";
            fail("it is not what was sent; no echo server with --framing " + with.framing +
                 " listens there");
        }
    }
}

libnet::task<> run_client(const settings& with)
{
    libnet::connect_options options;
    options.connect_timeout = with.timeout;
    options.socket = with.experiment.socket;
    options.connection = with.connection;
    options.connection.framing = flags::make_framing(with.framing, std::size_t{1} << 30);
    // --timeout bounds each exchange as a whole.
    options.connection.frame_timeout = libnet::never;
    options.connection.send_timeout = libnet::never;
    options.connection.close_timeout = std::chrono::milliseconds(500);  // all is said by then

    auto peer = co_await libnet::connect(with.connect, options);
    if (!peer) {
        throw failure("cannot connect to " + with.connect + ": " + explain(peer.error(), with));
    }
    std::uint64_t number = 0;
    if (!with.file.empty()) {
        std::ifstream file(with.file, std::ios::binary);
        const std::string content(std::istreambuf_iterator<char>(file), {});
        if (!file) {
            throw failure("cannot read " + with.file);
        }
        co_await try_message(*peer, content, number, with);
    } else if (!with.messages.empty()) {
        for (const std::string& message : with.messages) {
            co_await try_message(*peer, message, number, with);
        }
    } else {
        for (std::string line; std::getline(std::cin, line);) {
            co_await try_message(*peer, line, number, with);
        }
    }
    co_await peer->close();
    if (with.experiment.never_read) {
        throw failure("sent " + flags::count(number, "message") +
                      " and read none of the replies, as --never-read asks");
    }
}

}  // namespace

int main(int argc, char** argv)
{
    settings with;
    CLI::App app(
        "Sends messages to an echo server, one after the other over one connection, and\n"
        "prints each reply as 'echo: ...'.\n"
        "Exit code: 0 if every reply equalled what was sent, 1 if not, 2 for wrong usage.\n");
    app.footer("\nTry it:\n"
               "  tcp_echo_client hello 'another message'\n"
               "  seq 1000 | tcp_echo_client --connect localhost:9000\n"
               "  tcp_echo_client --file picture.jpg --timeout 1min > reply\n");
    auto* messages = app.add_option("MESSAGE", with.messages,
                                    "What to send; without any, each line of the standard input");
    flags::add_endpoint(app, "--connect", with.connect, "The server");
    flags::add_framing(app, with.framing);
    app.add_option("--file", with.file, "Send this file as one message")
        ->type_name("PATH")
        ->check(CLI::ExistingFile.description(""))
        ->excludes(messages);
    app.add_option("--count", with.count, "Send each message so many times")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(1u, 1'000'000'000u).description(""));
    flags::add_duration(app, "--timeout", with.timeout,
                        "Bounds connecting, and each message until its whole reply is there");
    flags::add_heartbeat(app, with.connection);
    flags::add_experiments(app, with.experiment);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return flags::explain(app, wrong);
    }

    try {
        // Reading the standard input blocks, so Ctrl+C is left to end the program by itself.
        return libnet::run(run_client(with), {.on_signal = libnet::run_options::signals::ignore});
    } catch (const std::exception& failure) {
        std::cerr << "tcp_echo_client: " << failure.what() << '\n';
        return 1;
    }
}
