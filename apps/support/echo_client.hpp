#pragma once

#include "experiments.hpp"
#include "flags.hpp"
#include "proxy_flags.hpp"
#include "timeout_flags.hpp"

#include <libnet/libnet.hpp>

#include <algorithm>
#include <chrono>
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
    bool retry = false;
    flags::experiment experiment{};
    flags::sent_proxy proxy{};
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
        flags::add_duration(app, "--connect-timeout", options.connect_timeout,
                            "Bounds each attempt to connect");
        app.add_flag("--retry", retry,
                     "When the server cannot be reached or the connection ends, connect again\n"
                     "and send again what was not answered, until --timeout");
        flags::add_heartbeat(app, options.connection);
        proxy.add_flags(app);
        flags::add_experiments(app, experiment);
    }

    /// Sends everything and compares what comes back; the program's exit code. Throws a failure.
    int run()
    {
        options.connect_timeout = std::min(options.connect_timeout, timeout);
        options.socket = experiment.socket;
        options.proxy = proxy.header();
        options.connection.framing = flags::make_framing(framing, std::size_t{1} << 30);
        // --timeout bounds each exchange as a whole.
        options.connection.frame_timeout = libnet::never;
        options.connection.send_timeout = libnet::never;
        options.connection.close_timeout = std::chrono::milliseconds(500);  // all is said by then
        // Reading the standard input blocks, so Ctrl+C is left to end the program by itself.
        return libnet::run(talk(), {.on_signal = libnet::run_options::signals::ignore});
    }

private:
    /// Where it is. It outlives connections: what was not answered over one goes over the next.
    struct progress {
        explicit progress(libnet::loop& home) : deadline(home) {}

        libnet::timer deadline;      ///< of connecting, or of the message
        std::string message{};       ///< the one that is under way
        unsigned left = 0;           ///< times that it is still to be sent
        bool under_way = false;      ///< it is not answered yet
        std::uint64_t number = 0;    ///< of the message
        std::size_t next = 0;        ///< of `messages`
        const char* doing = "";      ///< with the message
        std::string trouble{};       ///< why the last attempt failed
    };

    libnet::task<> talk()
    {
        progress so_far(co_await libnet::this_loop());
        if (retry) {
            so_far.deadline.expires_after(timeout);  // an attempt has a deadline of its own
        }
        libnet::client line(
            connect, [&](libnet::connection& peer) { return send_all(peer, so_far); },
            settings(so_far));
        auto within_its_time = [&](libnet::group& g) -> libnet::task<> {
            g.start(give_up(so_far));
            co_await checked(line.run());
        };
        const auto ended = co_await libnet::with_group(within_its_time);
        if (!ended) {
            throw failure(cannot_connect(ended.error()));
        }
        if (experiment.never_read) {
            throw failure("sent " + flags::count(so_far.number, "message") +
                          " and read none of the replies, as --never-read asks");
        }
    }

    libnet::client_options settings(progress& so_far) const
    {
        using namespace std::chrono_literals;
        libnet::client_options how;
        how.connect = options;
        how.backoff = {.first = 100ms, .longest = 1s};
        how.drain_timeout = 100ms;
        if (!retry) {
            how.backoff.give_up_after = 1;
            return how;
        }
        how.on_event = [this, &so_far](const libnet::client_event& e) {
            if (e.what == libnet::client_event::kind::failed) {
                so_far.trouble = cannot_connect(e.why);
            }
            if (e.pause) {
                std::cerr << e.text() + '\n';
            }
        };
        return how;
    }

    /// The time is up, wherever it is.
    libnet::task<> give_up(progress& so_far)
    {
        co_await checked(so_far.deadline.wait());
        if (!so_far.trouble.empty()) {
            throw failure(so_far.trouble + "; tried for " + flags::time_to_text(timeout));
        }
        throw failure(so_far.under_way ? cannot_send(so_far, libnet::error::timeout)
                                       : cannot_connect(libnet::error::timeout));
    }

    /// The session: sends what is left, prints each reply and compares it.
    libnet::task<libnet::after_session> send_all(libnet::connection& peer, progress& so_far)
    {
        while (find_message(so_far)) {
            so_far.trouble.clear();
            auto reply = co_await exchange(peer, so_far.message, so_far.doing);
            if (!reply) {
                so_far.trouble = cannot_send(so_far, reply.error());
                if (retry && is_of_the_connection(reply.error())) {
                    co_await libnet::fail(reply.error());
                }
                throw failure(so_far.trouble);
            }
            so_far.under_way = false;
            if (!experiment.never_read) {
                print_and_compare(*reply, so_far);
            }
        }
        co_return libnet::after_session::finished;
    }

    /// The message that is to be answered next, and from when its time counts.
    bool find_message(progress& so_far)
    {
        if (so_far.under_way) {
            return true;
        }
        so_far.deadline.expires_after(libnet::never);  // reading the standard input takes its time
        if (so_far.left == 0 && !read_message(so_far)) {
            return false;
        }
        --so_far.left;
        ++so_far.number;
        so_far.under_way = true;
        // With --never-read it is the server's patience that is tried, not ours.
        so_far.deadline.expires_after(experiment.never_read ? libnet::never : timeout);
        return true;
    }

    bool read_message(progress& so_far)
    {
        so_far.left = count;
        if (!file.empty()) {
            std::ifstream source(file, std::ios::binary);
            so_far.message.assign(std::istreambuf_iterator<char>(source), {});
            if (!source) {
                throw failure("cannot read " + file);
            }
            return so_far.next++ == 0;
        }
        if (messages.empty()) {
            return static_cast<bool>(std::getline(std::cin, so_far.message));
        }
        if (so_far.next == messages.size()) {
            return false;
        }
        so_far.message = messages[so_far.next++];
        return true;
    }

    void print_and_compare(const std::string& reply, progress& so_far)
    {
        std::cout << "echo: " << reply << std::endl;
        if (!std::cout) {
            throw failure("cannot write to the standard output");
        }
        if (reply != so_far.message) {
            so_far.doing = "comparing the reply to";
            throw failure(about(so_far) +
                          "it is not what was sent; no echo server with --framing " + framing +
                          " listens there");
        }
    }

    static bool is_of_the_connection(const libnet::error_code& why)
    {
        return why != libnet::error::refused_payload && why != libnet::error::frame_too_large;
    }

    std::string cannot_connect(const libnet::error_code& why) const
    {
        return "cannot connect to " + connect + ": " + explain(why, true);
    }

    std::string cannot_send(const progress& so_far, const libnet::error_code& why) const
    {
        return about(so_far) + explain(why, false);
    }

    std::string about(const progress& so_far) const
    {
        return connect + ": " + so_far.doing + " message " + std::to_string(so_far.number) + " (" +
               flags::count(so_far.message.size(), "byte") + "): ";
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
            const bool all_of_it = why == error::timeout || options.connect_timeout == timeout;
            return "no answer within " +
                   flags::time_to_text(all_of_it ? timeout : options.connect_timeout) + "; raise " +
                   (all_of_it ? "--timeout" : "--connect-timeout") +
                   ", or see whether the server uses another --framing than " +
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
