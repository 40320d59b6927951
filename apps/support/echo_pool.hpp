#pragma once

#include "echo_dialogue.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>

namespace sample {

/// So many messages at a time, each over a connection of a pool; with --retry until it is answered.
/// Says in the end what the pool has done.
class echo_pool {
public:
    echo_pool(echo_dialogue& about, std::size_t size)
        : about_(about), size_(size), servers_(about.connect, settings())
    {
    }

    libnet::task<> run()
    {
        auto side_by_side = [this](libnet::group& g) -> libnet::task<> {
            g.start(servers_.run());
            co_await checked(send_all());
            servers_.drain();
            co_await checked(g.join());
        };
        const print_at_the_end statistics{*this};
        co_await checked(libnet::with_group(side_by_side));
    }

private:
    struct print_at_the_end {
        explicit print_at_the_end(const echo_pool& p) : of(p) {}
        print_at_the_end(const print_at_the_end&) = delete;
        print_at_the_end& operator=(const print_at_the_end&) = delete;
        ~print_at_the_end() { std::cerr << of.statistics() + '\n'; }
        const echo_pool& of;
    };

    libnet::pool_options settings() const
    {
        using namespace std::chrono_literals;
        libnet::pool_options how;
        how.connect = about_.options;
        how.lending.max_size = size_;
        how.lending.borrow_timeout = libnet::never;  // --timeout bounds that, and more
        how.lending.retry = {.first = 100ms, .longest = 1s};
        how.lending.breaker.longest_open = 1s;
        if (!about_.retry) {
            how.lending.breaker.consecutive_failures = 1;  // and whoever waits is told so
        }
        return how;
    }

    libnet::task<> send_all()
    {
        auto side_by_side = [this](libnet::group& calls) -> libnet::task<> {
            libnet::loop& here = co_await libnet::this_loop();
            libnet::limiter at_once(
                here, {.limit = {.limit = size_, .max_waiting = 1}, .longest_wait = libnet::never});
            for (;;) {
                auto turn = co_await checked(at_once.acquire());
                auto message = co_await checked(about_.messages.next());
                if (!message) {
                    break;
                }
                calls.start(send(std::move(*message), std::move(turn)));
            }
            co_await checked(calls.join());
        };
        co_await checked(libnet::with_group(side_by_side));
    }

    /// One message, until it is answered or its time is up.
    libnet::task<> send(echo_message message, [[maybe_unused]] libnet::permit turn)
    {
        ++messages_;
        std::string trouble;
        const auto outcome =
            co_await libnet::within(about_.timeout, send_until_answered(message, trouble));
        if (outcome) {
            co_return;
        }
        if (outcome.error() != libnet::error::timeout) {
            co_await libnet::fail(outcome.error());
        }
        throw failure(trouble +
                      (about_.retry ? "; tried for " + flags::time_to_text(about_.timeout) : ""));
    }

    libnet::task<> send_until_answered(const echo_message& message, std::string& trouble)
    {
        using namespace std::chrono_literals;
        libnet::loop& here = co_await libnet::this_loop();
        libnet::backoff pauses({.first = 100ms, .longest = 1s});
        for (;;) {
            const auto outcome = co_await attempt(message, trouble);
            if (outcome) {
                co_return;
            }
            if (outcome.error() == libnet::error::timeout ||
                outcome.error() == libnet::error::cancelled) {
                co_await libnet::fail(outcome.error());
            }
            if (!about_.retry || !echo_dialogue::is_of_the_connection(outcome.error())) {
                throw failure(trouble);
            }
            ++sent_again_;
            const auto pause = pauses.failed(here.now(), here.random());
            co_await checked(libnet::sleep_for(pause.value_or(1s)));
        }
    }

    /// Over one connection. `trouble` is what to tell people if it fails.
    libnet::task<> attempt(const echo_message& message, std::string& trouble)
    {
        auto peer = co_await servers_.borrow();
        if (!peer) {
            const libnet::error_code last = servers_.endpoints()[0].last_failure;
            trouble = about_.cannot_connect(last ? last : peer.error());
            co_await libnet::fail(peer.error());
        }
        const char* doing = "";
        const auto reply = co_await about_.exchange(**peer, *message.text, doing);
        if (!reply) {
            trouble = about_.cannot_send(message, doing, reply.error());
            co_await libnet::fail(reply.error());
        }
        peer->keep();  // with --framing raw messages do not pair up
        about_.print_and_compare(*reply, message);
    }

    std::string statistics() const
    {
        const libnet::lending_stats& s = servers_.stats();
        std::ostringstream text;
        text << "pool: " << flags::count(messages_, "message") << ", " << sent_again_
             << " sent again; " << flags::count(s.created, "connection") << " of " << size_
             << " at most, " << s.failed << " could not be made, " << s.broken << " broken, "
             << s.lost << " lost while idle; " << s.waited << " waited for one, "
             << std::chrono::duration_cast<std::chrono::milliseconds>(s.longest_wait).count()
             << "ms at most";
        return text.str();
    }

    echo_dialogue& about_;
    std::size_t size_;
    libnet::pool servers_;
    std::uint64_t messages_ = 0;
    std::uint64_t sent_again_ = 0;
};

}  // namespace sample
