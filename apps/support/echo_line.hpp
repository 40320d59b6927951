#pragma once

#include "echo_dialogue.hpp"

#include <cstdint>
#include <iostream>
#include <optional>
#include <string>

namespace sample {

/// One message after the other over one connection; with --retry over the next one, when it ends.
class echo_line {
public:
    explicit echo_line(echo_dialogue& about) : about_(about) {}

    libnet::task<> run()
    {
        progress so_far(co_await libnet::this_loop());
        if (about_.retry) {
            so_far.deadline.expires_after(about_.timeout);  // an attempt has a deadline of its own
        }
        libnet::client line(
            about_.connect, [&](libnet::connection& peer) { return send_all(peer, so_far); },
            settings(so_far));
        auto within_its_time = [&](libnet::group& g) -> libnet::task<> {
            g.start(give_up(so_far));
            co_await checked(line.run());
        };
        const auto ended = co_await libnet::with_group(within_its_time);
        if (!ended) {
            throw failure(about_.cannot_connect(ended.error()));
        }
        if (about_.experiment.never_read) {
            throw failure("sent " + flags::count(so_far.sent, "message") +
                          " and read none of the replies, as --never-read asks");
        }
    }

private:
    /// Where it is. It outlives connections: what was not answered over one goes over the next.
    struct progress {
        explicit progress(libnet::loop& home) : deadline(home) {}

        libnet::timer deadline;                   ///< of connecting, or of the message
        std::optional<echo_message> under_way{};  ///< it is not answered yet
        std::uint64_t sent = 0;                   ///< messages
        const char* doing = "";                   ///< with the message
        std::string trouble{};                    ///< why the last attempt failed
    };

    libnet::client_options settings(progress& so_far) const
    {
        using namespace std::chrono_literals;
        libnet::client_options how;
        how.connect = about_.options;
        how.backoff = {.first = 100ms, .longest = 1s};
        how.drain_timeout = 100ms;
        if (!about_.retry) {
            how.backoff.give_up_after = 1;
            return how;
        }
        how.on_event = [this, &so_far](const libnet::client_event& e) {
            if (e.what == libnet::client_event::kind::failed) {
                so_far.trouble = about_.cannot_connect(e.why);
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
            throw failure(so_far.trouble + "; tried for " + flags::time_to_text(about_.timeout));
        }
        throw failure(so_far.under_way ? cannot_send(so_far, libnet::error::timeout)
                                       : about_.cannot_connect(libnet::error::timeout));
    }

    /// The session: sends what is left, prints each reply and compares it.
    libnet::task<libnet::after_session> send_all(libnet::connection& peer, progress& so_far)
    {
        for (;;) {
            co_await checked(find_message(so_far));
            if (!so_far.under_way) {
                co_return libnet::after_session::finished;
            }
            so_far.trouble.clear();
            auto reply = co_await about_.exchange(peer, *so_far.under_way->text, so_far.doing);
            if (!reply) {
                so_far.trouble = cannot_send(so_far, reply.error());
                if (about_.retry && echo_dialogue::is_of_the_connection(reply.error())) {
                    co_await libnet::fail(reply.error());
                }
                throw failure(so_far.trouble);
            }
            about_.print_and_compare(*reply, *so_far.under_way);
            so_far.under_way.reset();
        }
    }

    /// The message that is to be answered next, and from when its time counts.
    libnet::task<> find_message(progress& so_far)
    {
        if (so_far.under_way) {
            co_return;
        }
        so_far.deadline.expires_after(libnet::never);  // reading the standard input takes its time
        so_far.under_way = co_await checked(about_.messages.next());
        if (!so_far.under_way) {
            co_return;
        }
        ++so_far.sent;
        // With --never-read it is the server's patience that is tried, not ours.
        so_far.deadline.expires_after(about_.experiment.never_read ? libnet::never
                                                                   : about_.timeout);
    }

    std::string cannot_send(const progress& so_far, const libnet::error_code& why) const
    {
        return about_.cannot_send(*so_far.under_way, so_far.doing, why);
    }

    echo_dialogue& about_;
};

}  // namespace sample
