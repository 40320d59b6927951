#pragma once

#include "experiments.hpp"
#include "flags.hpp"
#include "timeout_flags.hpp"

#include <libnet/libnet.hpp>

#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sample {

/// Something that a user should read: what happened, to whom, when, and what to do about it.
struct failure : std::runtime_error {
    using runtime_error::runtime_error;
};

/// What the echo clients have in common: all but what lies between the transport and the connection.
struct echo_client {
    std::string connect;         ///< the server, unless --connect says otherwise
    std::string server_program;  ///< who should listen there
    std::string framing = "length4";
    libnet::duration timeout = std::chrono::seconds(10);
    std::vector<std::string> messages{};
    std::string file{};
    unsigned count = 1;
    flags::experiment experiment{};
    libnet::connect_options options{};

    /// What a failure means that only this program can have; empty if it knows nothing of it.
    std::function<std::string(const libnet::error_code& why, bool connecting)> advice =
        [](const libnet::error_code&, bool) { return std::string(); };

    void add_flags(CLI::App& app)
    {
        auto* of_arguments = app.add_option(
            "MESSAGE", messages, "What to send; without any, each line of the standard input");
        flags::add_endpoint(app, "--connect", connect, "The server");
        flags::add_framing(app, framing);
        app.add_option("--file", file, "Send this file as one message")
            ->type_name("PATH")
            ->check(CLI::ExistingFile.description(""))
            ->excludes(of_arguments);
        app.add_option("--count", count, "Send each message so many times")
            ->type_name("N")
            ->capture_default_str()
            ->check(CLI::Range(1u, 1'000'000'000u).description(""));
        flags::add_duration(app, "--timeout", timeout,
                            "Bounds connecting, and each message until its whole reply is there");
        flags::add_heartbeat(app, options.connection);
        flags::add_experiments(app, experiment);
    }

    /// Sends everything and compares what comes back; the program's exit code. Throws a failure.
    int run()
    {
        options.connect_timeout = timeout;
        options.socket = experiment.socket;
        options.connection.framing = flags::make_framing(framing, std::size_t{1} << 30);
        // --timeout bounds each exchange as a whole.
        options.connection.frame_timeout = libnet::never;
        options.connection.send_timeout = libnet::never;
        options.connection.close_timeout = std::chrono::milliseconds(500);  // all is said by then
        // Reading the standard input blocks, so Ctrl+C is left to end the program by itself.
        return libnet::run(talk(), {.on_signal = libnet::run_options::signals::ignore});
    }

private:
    libnet::task<> talk()
    {
        auto peer = co_await libnet::connect(connect, options);
        if (!peer) {
            throw failure("cannot connect to " + connect + ": " + explain(peer.error(), true));
        }
        std::uint64_t number = 0;
        if (!file.empty()) {
            std::ifstream source(file, std::ios::binary);
            const std::string content(std::istreambuf_iterator<char>(source), {});
            if (!source) {
                throw failure("cannot read " + file);
            }
            co_await try_message(*peer, content, number);
        } else if (!messages.empty()) {
            for (const std::string& message : messages) {
                co_await try_message(*peer, message, number);
            }
        } else {
            for (std::string line; std::getline(std::cin, line);) {
                co_await try_message(*peer, line, number);
            }
        }
        co_await peer->close();
        if (experiment.never_read) {
            throw failure("sent " + flags::count(number, "message") +
                          " and read none of the replies, as --never-read asks");
        }
    }

    /// Sends one message as often as --count says, prints each reply and compares it.
    libnet::task<> try_message(libnet::connection& peer, const std::string& message,
                               std::uint64_t& number)
    {
        for (unsigned i = 0; i < count; ++i) {
            const char* doing = "";
            ++number;
            // With --never-read it is the server's patience that is tried, not ours.
            const libnet::duration limit = experiment.never_read ? libnet::never : timeout;
            auto reply = co_await libnet::within(limit, exchange(peer, message, doing));
            const auto fail = [&](const std::string& what) {
                throw failure(connect + ": " + doing + " message " + std::to_string(number) + " (" +
                              flags::count(message.size(), "byte") + "): " + what);
            };
            if (!reply) {
                fail(explain(reply.error(), false));
            }
            if (experiment.never_read) {
                continue;
            }
            std::cout << "echo: " << *reply << std::endl;
            if (!std::cout) {
                throw failure("cannot write to the standard output");
            }
            if (*reply != message) {
                doing = "comparing the reply to";
                fail("it is not what was sent; no echo server with --framing " + framing +
                     " listens there");
            }
        }
    }

    /// Sends one message and waits for its reply. With --framing raw there are no messages, so the
    /// reply is as many bytes as were sent. `doing` says how far it has come.
    libnet::task<std::string> exchange(libnet::connection& peer, const std::string& message,
                                       const char*& doing)
    {
        doing = "sending";
        co_await checked(peer.send(message));
        if (experiment.never_read) {
            co_return message;
        }
        doing = "waiting for the reply to";
        if (experiment.read_delay != libnet::duration::zero()) {
            co_await checked(libnet::sleep_for(experiment.read_delay));
        }
        const bool raw = framing == "raw";
        std::string reply;
        if (!raw) {
            reply = libnet::as_text(co_await checked(peer.receive()));
        }
        while (raw && reply.size() < message.size()) {
            reply += libnet::as_text(co_await checked(peer.receive()));
        }
        co_return reply;
    }

    /// What went wrong, and what can be done about it.
    std::string explain(const libnet::error_code& why, bool connecting) const
    {
        using libnet::error;
        namespace errc = boost::system::errc;
        if (std::string known = advice(why, connecting); !known.empty()) {
            return known;
        }
        if (why == error::timeout || why == error::connect_timeout) {
            return "no answer within " + flags::time_to_text(timeout) +
                   "; raise --timeout, or see whether the server uses another --framing than " +
                   framing;
        }
        if (why == error::refused_payload) {
            return "it contains the end of a line; use another --framing than line";
        }
        if (why == error::frame_too_large && framing == "length2") {
            return "length2 carries 65535 bytes at most; use --framing length4 on both sides";
        }
        const bool ended =
            why == error::closed || why == errc::connection_reset || why == errc::broken_pipe;
        if (ended && experiment.never_read) {
            return "the server ended the connection, as it should if nobody reads its replies";
        }
        if (ended) {
            return "the server ended the connection; its log says why: it may want TLS or none, "
                   "use another --framing than " +
                   framing + ", or a --max-frame below the message";
        }
        if (why == errc::connection_refused) {
            return "nobody listens there; start " + server_program + ", or see --connect";
        }
        if (why == error::host_not_found) {
            return why.message() + "; see --connect";
        }
        return why.message();
    }
};

}  // namespace sample
