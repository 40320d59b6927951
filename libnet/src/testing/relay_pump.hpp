#pragma once

#include <libnet/runtime/clock.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/testing/impairment.hpp>
#include <libnet/transport/stream.hpp>

#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace libnet::testing {

class relay_pump;

/// A connection through the relay: two streams, and a pump for each direction.
class relay_link {
public:
    relay_link(std::shared_ptr<stream> client, std::shared_ptr<stream> target, impairment& there,
               impairment& back, std::size_t under_way);
    relay_link(const relay_link&) = delete;
    relay_link& operator=(const relay_link&) = delete;
    ~relay_link();

    /// Until both directions have ended, or one has failed.
    operation<> ended() { return ended_.wait(); }
    bool was_cut() const noexcept { return cut_; }

private:
    friend class relay_pump;

    void one_has_ended();
    void reset() noexcept;

    std::shared_ptr<stream> client_;
    std::shared_ptr<stream> target_;
    timer ended_;
    int running_ = 2;
    bool cut_ = false;
    std::array<events_reference, 2> owned_;
    std::array<relay_pump*, 2> pumps_{};
};

/// Reads from one stream and writes to another what a bad line lets through, when it does.
class relay_pump final : public stream_events {
public:
    relay_pump(relay_link& link, std::shared_ptr<stream> from, std::shared_ptr<stream> to,
               impairment& line, std::size_t under_way);

    void start() { read(); }

    /// The link is no more; what is under way comes to nothing.
    void leave() noexcept;

    void on_read(const error_code& failed, std::size_t count) override;
    void on_write(const error_code& failed, std::size_t count) override;

private:
    struct parcel {
        std::vector<std::byte> content;
        time_point arrives;
    };
    struct delivery : libnet::detail::timer_node {
        explicit delivery(relay_pump& p) noexcept;
        relay_pump& owner;
    };

    void read();
    void depart(mutable_bytes content);
    void deliver();
    bool write(bytes content);
    void written(std::size_t count);

    relay_link* link_;
    std::shared_ptr<stream> from_;
    std::shared_ptr<stream> to_;
    impairment& line_;
    std::size_t most_under_way_;
    stream_course course_;
    std::deque<parcel> parcels_;
    std::size_t under_way_ = 0;
    std::size_t of_the_first_ = 0;  // bytes of it that were written
    time_point end_arrives_ = end_of_time;
    bool reading_ = false;
    bool writing_ = false;
    bool stopped_ = false;  // reading: at the end, or in silence
    bool cuts_ = false;     // once all has been delivered
    std::vector<std::byte> room_;
    delivery next_;
};

}  // namespace libnet::testing
