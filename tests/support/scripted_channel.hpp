#pragma once

#include <libnet/transport/datagram_channel.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace libnet::tests {

/// "192.0.2.N:port": nobody in particular.
inline socket_address host(unsigned number, std::uint16_t port = 5000)
{
    const std::byte octets[] = {std::byte{192}, std::byte{0}, std::byte{2}, std::byte(number)};
    return {ip_address(octets), port, 0};
}

/// What a datagram_channel is told to do, and what was done with it. It outlives the socket.
struct channel_script {
    struct arrival {
        std::string payload;
        socket_address from = host(1);
        std::size_t segment = 0;  ///< 0: it is one
        std::size_t whole = 0;    ///< 0: nothing is missing
        ip_address to = {};
    };
    struct departure {
        std::string payload;
        std::size_t segment;
        socket_address to;
        ip_address from;
    };

    std::deque<arrival> arriving;
    std::vector<departure> sent;
    std::vector<std::size_t> sends_of_a_call;
    std::deque<error_code> receive_errors;  ///< each once, before what arrives
    std::deque<error_code> send_errors;
    std::deque<datagram_error> errors;
    std::size_t takes = SIZE_MAX;  ///< so many sends, and then no more until more() is called
    std::size_t largest_segment = 65'507;
    std::size_t receive_calls = 0;
    bool waits_to_read = false;
    bool waits_to_write = false;
    bool closed = false;

    /// Lets those who wait go on, as a loop would.
    std::function<void()> look;

    void arrive(std::string payload, const socket_address& from = host(1))
    {
        arriving.push_back({.payload = std::move(payload), .from = from});
        look();
    }
    void take_more(std::size_t count)
    {
        takes = count;
        look();
    }

    std::vector<std::string> payloads() const
    {
        std::vector<std::string> all;
        for (const departure& d : sent) {
            all.push_back(d.payload);
        }
        return all;
    }
};

class scripted_channel final : public datagram_channel {
public:
    scripted_channel(loop& home, channel_script& script) : loop_(home), script_(script)
    {
        script_.look = [this] { look(); };
        // Whoever waits owns this channel, so who waits at the end of the loop is let go there.
        ending_.channel = this;
        ending_.run = [](detail::work_node& node) {
            auto& channel = *static_cast<looking&>(node).channel;
            const events_reference reader = std::exchange(channel.reader_, {});
            const events_reference writer = std::exchange(channel.writer_, {});
        };
        home.at_shutdown(ending_);
    }
    ~scripted_channel() override
    {
        script_.look = [] {};
    }

    loop& home() const noexcept override { return loop_; }

    result<std::size_t> receive(std::span<received_datagrams> into) override
    {
        ++script_.receive_calls;
        if (!script_.receive_errors.empty()) {
            const error_code failed = script_.receive_errors.front();
            script_.receive_errors.pop_front();
            return failed;
        }
        std::size_t count = 0;
        for (; count < into.size() && !script_.arriving.empty(); ++count) {
            const auto& a = script_.arriving.front();
            received_datagrams& place = into[count];
            place.size = std::min(a.payload.size(), place.room.size());
            place.whole = a.whole == 0 ? a.payload.size() : a.whole;
            place.segment = a.segment == 0 ? place.size : a.segment;
            place.from = a.from;
            place.to = a.to;
            std::memcpy(place.room.data(), a.payload.data(), place.size);
            script_.arriving.pop_front();
        }
        return count;
    }

    result<std::size_t> send(std::span<queued_datagrams> batch) override
    {
        if (!script_.send_errors.empty()) {
            const error_code failed = script_.send_errors.front();
            script_.send_errors.pop_front();
            return failed;
        }
        const std::size_t count = std::min(batch.size(), script_.takes);
        script_.takes -= script_.takes == SIZE_MAX ? 0 : count;
        for (const queued_datagrams& d : batch.first(count)) {
            script_.sent.push_back({libnet::to_string(d.payload), d.segment, d.to, d.from});
        }
        script_.sends_of_a_call.push_back(count);
        return count;
    }

    void wait_readable(stream_events& events) override
    {
        reader_ = events_reference(events);
        script_.waits_to_read = true;
        later();
    }
    void wait_writable(stream_events& events) override
    {
        writer_ = events_reference(events);
        script_.waits_to_write = true;
        later();
    }

    void cancel_waits() noexcept override
    {
        reader_cancelled_ = static_cast<bool>(reader_);
        writer_cancelled_ = static_cast<bool>(writer_);
        later();
    }

    std::optional<datagram_error> take_error() override
    {
        if (script_.errors.empty()) {
            return std::nullopt;
        }
        const datagram_error first = script_.errors.front();
        script_.errors.pop_front();
        return first;
    }
    std::size_t largest_segment() const noexcept override { return script_.largest_segment; }
    error_code join(const ip_address&, std::string_view) override { return {}; }
    error_code leave(const ip_address&, std::string_view) override { return error::not_supported; }
    socket_address local() const override { return host(254, 9000); }
    void close() noexcept override
    {
        script_.closed = true;
        later();
    }

private:
    struct looking : detail::work_node {
        scripted_channel* channel;
    };

    /// Never inside the call that began to wait.
    void later()
    {
        looking_.channel = this;
        looking_.run = [](detail::work_node& node) { static_cast<looking&>(node).channel->look(); };
        if (!looking_.linked()) {
            loop_.ready(looking_);
        }
    }

    void look()
    {
        const loop::turn this_turn(loop_);
        const error_code why = script_.closed ? make_error_code(error::cancelled) : error_code();
        const bool something = !script_.arriving.empty() || !script_.receive_errors.empty();
        const error_code why_read =
            std::exchange(reader_cancelled_, false) ? error::cancelled : why;
        const error_code why_write =
            std::exchange(writer_cancelled_, false) ? error::cancelled : why;
        auto reader =
            reader_ && (something || why_read) ? std::exchange(reader_, {}) : events_reference();
        auto writer = writer_ && (script_.takes != 0 || why_write) ? std::exchange(writer_, {})
                                                                   : events_reference();
        if (reader) {
            script_.waits_to_read = false;
            reader->on_read(why_read, 0);
        }
        if (writer) {
            script_.waits_to_write = false;
            writer->on_write(why_write, 0);
        }
    }

    loop& loop_;
    channel_script& script_;
    events_reference reader_;
    events_reference writer_;
    bool reader_cancelled_ = false;
    bool writer_cancelled_ = false;
    looking looking_;
    looking ending_;
};

}  // namespace libnet::tests
