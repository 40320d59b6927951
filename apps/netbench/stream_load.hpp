#pragma once

#include "messages.hpp"
#include "pace.hpp"
#include "plan.hpp"
#include "recorder.hpp"
#include "time_queue.hpp"

#include "../support/flags.hpp"

#include <libnet/libnet.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace netbench {

/// One connection after the other to an echo server, with messages under way.
class stream_load {
public:
    using clock = std::chrono::steady_clock;

    stream_load(const plan& p, const messages& sent, const libnet::connect_options& how,
                recorder& seen, libnet::loop& home)
        : plan_(p),
          sent_(sent),
          how_(how),
          seen_(seen),
          check_(sent, p.framing != "raw"),
          something_due_(home)
    {
    }

    /// What every connection of a plan has in common.
    static libnet::connect_options options(const plan& p)
    {
        libnet::connect_options how;
        how.connect_timeout = std::min<libnet::duration>(how.connect_timeout, p.timeout);
        how.layer = p.make_layer();
        auto& connection = how.connection;
        connection.framing = flags::make_framing(p.framing, p.size);
        connection.send_timeout = p.timeout;
        connection.close_timeout = std::chrono::milliseconds(500);
        if (!p.is_open_loop()) {
            // All that may be under way finds room, so that sending never keeps us from reading.
            connection.high_water_mark = std::max(connection.high_water_mark,
                                                  p.most_under_way() * (p.size + std::size_t{16}));
        }
        return how;
    }

    /// Before the load begins, so that connecting is no part of it.
    libnet::task<> connect() { (void)co_await connected(); }

    /// Until it is cancelled.
    libnet::task<> run()
    {
        for (;;) {
            if (peer_ || co_await checked(connected())) {
                if (const auto ended = co_await converse(); !ended) {
                    co_await checked(libnet::yield());  // it may have ended because all of it does
                    seen_.failed(what_failed(ended.error()));
                    co_await checked(libnet::sleep_for(pause_after_failure));
                }
                peer_.reset();
            } else {
                co_await checked(libnet::sleep_for(pause_after_failure));
            }
        }
    }

    /// Open loop: another message should leave now, or should have left at `when`. What has waited for
    /// longer than an echo may take is given up, so that a server that has gone does not cost memory.
    void due(libnet::time_point when)
    {
        for (; !due_.empty() && when - due_.front() > plan_.timeout; due_.pop()) {
            seen_.failed("sending: not sent in time, see --timeout");
        }
        due_.push(when);
        something_due_.cancel();
    }

    /// Ends a connection whose echo has kept us waiting for too long.
    void look_at_the_time(libnet::time_point now)
    {
        if (peer_ && !under_way_.empty() && now - under_way_.front() > plan_.timeout) {
            peer_->fail(libnet::error::timeout);
        }
    }

private:
    static constexpr libnet::duration pause_after_failure = std::chrono::milliseconds(100);

    libnet::task<bool> connected()
    {
        const auto began = clock::now();
        doing_ = "connecting";
        auto peer = co_await libnet::connect(plan_.connect, how_);
        if (!peer) {
            co_await checked(libnet::yield());
            seen_.failed(what_failed(peer.error()));
            co_return false;
        }
        seen_.connected(clock::now() - began);
        peer_.emplace(std::move(*peer));
        co_return true;
    }

    libnet::task<> converse()
    {
        under_way_.clear();
        check_.restart(number_);
        answered_ = 0;
        left_ = plan_.per_connection;
        if (plan_.is_open_loop()) {
            auto both = [this](libnet::group& g) -> libnet::task<> {
                g.start(send_what_is_due());
                co_await checked(receive_all());
            };
            co_await checked(libnet::with_group(both));
        } else {
            co_await checked(ping_pong());
        }
        doing_ = "closing";
        co_await checked(peer_->close());
    }

    std::string what_failed(const libnet::error_code& why) const
    {
        const std::string when = std::string(doing_) + ": ";
        if (why == libnet::error::closed) {
            return when + "the server closed the connection";
        }
        if (why == libnet::error::timeout) {
            return when + "no echo in time, see --timeout";
        }
        return when + why.message();
    }

    // --- closed loop: for each echo another message ------------------------------------------------

    libnet::task<> ping_pong()
    {
        const std::size_t depth = plan_.most_under_way();
        for (std::size_t i = 0; i < depth && may_send(); ++i) {
            co_await checked(send(clock::now()));
        }
        while (!is_done()) {
            std::uint64_t came = 0;
            if (depth == 1) {
                came = take_one(co_await checked(receive()), clock::now());
            } else {
                const auto frames = co_await checked(receive_batch());
                const auto now = clock::now();  // they have come together
                for (const libnet::bytes frame : frames) {
                    came += take_one(frame, now);
                }
            }
            const auto now = came == 0 ? libnet::time_point() : last_seen_;
            for (; came != 0 && may_send(); --came) {
                co_await checked(send(now));
            }
        }
    }

    bool may_send() const { return plan_.per_connection == 0 || left_ != 0; }

    bool is_done() const { return plan_.per_connection != 0 && answered_ == plan_.per_connection; }

    // --- open loop: when it is time, whatever has come back ---------------------------------------

    libnet::task<> send_what_is_due()
    {
        for (;;) {
            while (!due_.empty() && under_way_.size() < plan_.most_under_way()) {
                co_await checked(send(due_.front()));
                due_.pop();
            }
            (void)co_await something_due_.wait();
            co_await checked(
                libnet::yield());  // ends here, if it was not due() that ended the wait
        }
    }

    libnet::task<> receive_all()
    {
        for (;;) {
            const auto frames = co_await checked(receive_batch());
            const auto now = clock::now();
            for (const libnet::bytes frame : frames) {
                take_one(frame, now);
            }
            if (!due_.empty()) {
                something_due_.cancel();
            }
        }
    }

    // --- both ----------------------------------------------------------------------------------------

    libnet::operation<libnet::bytes> receive()
    {
        doing_ = "receiving";
        return peer_->receive();
    }

    libnet::operation<std::span<const libnet::bytes>> receive_batch()
    {
        doing_ = "receiving";
        return peer_->receive_batch();
    }

    libnet::operation<> send(libnet::time_point began)
    {
        under_way_.push(began);
        left_ -= plan_.per_connection != 0 ? 1 : 0;
        doing_ = "sending";
        return peer_->send(sent_[number_++]);
    }

    /// How many messages have come back with these bytes.
    std::uint64_t take_one(libnet::bytes frame, libnet::time_point now)
    {
        bool right = true;
        const std::uint64_t whole = check_.take(frame, right);
        if (!right || whole > under_way_.size()) {
            seen_.wrong();
            peer_->fail(libnet::error::malformed_frame);
            return 0;
        }
        for (std::uint64_t i = 0; i < whole; ++i) {
            seen_.message(now, now - under_way_.front());
            under_way_.pop();
        }
        answered_ += whole;
        last_seen_ = now;
        return whole;
    }

    const plan& plan_;
    const messages& sent_;
    const libnet::connect_options& how_;
    recorder& seen_;
    echo_check check_;
    std::optional<libnet::connection> peer_;
    const char* doing_ = "";
    std::uint64_t number_ = 0;    // of the next message
    std::uint64_t left_ = 0;      // that this connection is still to send
    std::uint64_t answered_ = 0;  // on this connection
    time_queue under_way_;        // when each was sent, or should have been
    time_queue due_;
    libnet::time_point last_seen_{};
    libnet::timer something_due_;
};

}  // namespace netbench
