#pragma once

#include "echo_messages.hpp"
#include "experiments.hpp"
#include "flags.hpp"

#include <libnet/libnet.hpp>

#include <chrono>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>

namespace sample {

/// Something that a user should read: what happened, to whom, when, and what to do about it.
struct failure : std::runtime_error {
    using runtime_error::runtime_error;
};

/// What an echo client says and expects, over whatever connection; and what it says to people when
/// something else comes.
struct echo_dialogue {
    std::string connect;         ///< the server, unless --connect says otherwise
    std::string server_program;  ///< who should listen there
    std::string framing = "length4";
    libnet::duration timeout = std::chrono::seconds(10);
    bool retry = false;
    echo_messages messages{};
    flags::experiment experiment{};
    libnet::connect_options options{};

    /// What a failure means that only this program can have; empty if it knows nothing of it.
    std::function<std::string(const libnet::error_code& why, bool connecting)> advice =
        [](const libnet::error_code&, bool) { return std::string(); };

    /// Sends one message and waits for its reply. With --framing raw there are no messages, so the
    /// reply is as many bytes as were sent. `doing` says how far it has come.
    libnet::task<std::string> exchange(libnet::connection& peer, const std::string& message,
                                       const char*& doing) const
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

    void print_and_compare(const std::string& reply, const echo_message& sent) const
    {
        if (experiment.never_read) {
            return;
        }
        std::cout << "echo: " << reply << std::endl;
        if (!std::cout) {
            throw failure("cannot write to the standard output");
        }
        if (reply != *sent.text) {
            throw failure(about(sent, "comparing the reply to") +
                          "it is not what was sent; no echo server with --framing " + framing +
                          " listens there");
        }
    }

    /// Whether another connection might carry the message.
    static bool is_of_the_connection(const libnet::error_code& why)
    {
        return why != libnet::error::refused_payload && why != libnet::error::frame_too_large;
    }

    std::string cannot_connect(const libnet::error_code& why) const
    {
        return "cannot connect to " + connect + ": " + explain(why, true);
    }

    std::string cannot_send(const echo_message& message, const char* doing,
                            const libnet::error_code& why) const
    {
        return about(message, doing) + explain(why, false);
    }

private:
    std::string about(const echo_message& message, const char* doing) const
    {
        return connect + ": " + doing + " message " + std::to_string(message.number) + " (" +
               flags::count(message.text->size(), "byte") + "): ";
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
                   ", or see whether the server uses another --framing than " + framing;
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
                   "a PROXY header (--send-proxy) or none, use another --framing than " +
                   framing + ", or a --max-frame below the message";
        }
        if (why == errc::connection_refused) {
            return "nobody listens there; start " + server_program + ", or see --connect";
        }
        if (why == errc::address_not_available) {
            return why.message() +
                   "; no port is left to connect from (see ss -s), or no address of that kind";
        }
        if (why == error::host_not_found) {
            return why.message() + "; see --connect";
        }
        return why.message();
    }
};

}  // namespace sample
