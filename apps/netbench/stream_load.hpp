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
                const auto ended = co_await converse();
                first_is_leaving_ = false;
                if (!ended) {
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
        while (!due_.empty() && !first_is_leaving_ && when - due_.front() > plan_.timeout) {
            due_.pop();
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
                const libnet::bytes frame = co_await checked(receive());
                came = take({&frame, 1}, clock::now());
            } else {
                const auto frames = co_await checked(receive_batch());
                came = take(frames, clock::now());
            }
            if (came == 0 || !may_send()) {
                continue;
            }
            if (came == 1) {
                co_await checked(send(last_seen_));
            } else {
                co_await checked(send_instead(came));
            }
        }
    }

    /// As many as came, unless there are no more to send.
    libnet::operation<> send_instead(std::uint64_t came)
    {
        const std::uint64_t most = plan_.per_connection == 0 ? came : std::min(came, left_);
        next_.resize(most);
        for (libnet::bytes& message : next_) {
            message = libnet::as_bytes(sent_[number_++]);
        }
        note_sending(last_seen_, most);
        return peer_->send_batch(next_);
    }

    bool may_send() const { return plan_.per_connection == 0 || left_ != 0; }

    bool is_done() const { return plan_.per_connection != 0 && answered_ == plan_.per_connection; }

    // --- open loop: when it is time, whatever has come back ---------------------------------------

    libnet::task<> send_what_is_due()
    {
        for (;;) {
            while (!due_.empty() && under_way_.size() < plan_.most_under_way()) {
                first_is_leaving_ = true;
                co_await checked(send(due_.front()));
                first_is_leaving_ = false;
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
            take(frames, clock::now());
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
        note_sending(began, 1);
        return peer_->send(sent_[number_++]);
    }

    void note_sending(libnet::time_point began, std::uint64_t messages)
    {
        under_way_.push(began, messages);
        left_ -= plan_.per_connection != 0 ? messages : 0;
        doing_ = "sending";
    }

    /// How many messages have come back with these frames, which have come together.
    std::uint64_t take(std::span<const libnet::bytes> frames, libnet::time_point now)
    {
        std::uint64_t came = 0;
        for (const libnet::bytes frame : frames) {
            bool right = true;
            const std::uint64_t whole = check_.take(frame, right);
            if (!right || whole > under_way_.size() - came) {
                seen_.wrong();
                peer_->fail(libnet::error::malformed_frame);
                break;
            }
            came += whole;
        }
        note_answers(came, now);
        return came;
    }

    /// Those that were sent together took the same time.
    void note_answers(std::uint64_t came, libnet::time_point now)
    {
        answered_ += came;
        last_seen_ = now;
        while (came != 0) {
            const std::uint64_t together = std::min<std::uint64_t>(came, under_way_.times_front());
            seen_.message(now, now - under_way_.front(), together);
            under_way_.pop(together);
            came -= together;
        }
    }

    const plan& plan_;
    const messages& sent_;
    const libnet::connect_options& how_;
    recorder& seen_;
    echo_check check_;
    std::optional<libnet::connection> peer_;
    const char* doing_ = "";
    std::uint64_t number_ = 0;         // of the next message
    std::uint64_t left_ = 0;           // that this connection is still to send
    std::uint64_t answered_ = 0;       // on this connection
    time_queue under_way_;             // when each was sent, or should have been
    std::vector<libnet::bytes> next_;  // what leaves together
    time_queue due_;
    bool first_is_leaving_ = false;  // of those that are due: it is no longer given up
    libnet::time_point last_seen_{};
    libnet::timer something_due_;
};

}  // namespace netbench
