#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/error.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/core/time.hpp>

#include <cstddef>

namespace libnet {

/// How little may come in while a frame is under way: at least `bytes` in every `interval`, the
/// first of which begins after `grace`. 0 bytes: nothing is demanded.
struct data_rate {
    std::size_t bytes = 0;  ///< that have to come in an interval; 0: nothing is demanded
    duration interval = std::chrono::seconds(1);  ///< over which is counted
    duration grace = std::chrono::seconds(5);     ///< of a frame, before anything is demanded
};

/// How long a peer may keep somebody waiting who receives.
struct input_timeouts {
    duration first_frame = never;  ///< until the first byte at all
    duration frame = never;        ///< from a frame's first byte to its last, while it is short
    duration idle = never;         ///< between frames, without a byte in either direction
    data_rate minimum_rate{};      ///< while a frame is under way
};

/// When a peer has kept us waiting for too long. Time counts while somebody waits, and only then;
/// what was spent in a wait that was cancelled is not forgotten, or `within(1s, peer.receive())` in
/// a loop would defeat every timeout.
///
///     connected      first byte          last byte   first byte
///         |<- first_frame ->|<--- frame --->|<- idle ->|<--- frame ---
///
/// A long frame earns its time by arriving: beyond the first 64 KiB one more second for every 8 KiB
/// that have come. What a length field announces earns nothing.
///
/// Cost     a few comparisons; knows neither a clock nor a timer.
class LIBNET_ASIO_DECL input_deadlines {
public:
    /// What a frame has its first timeout for, and how much each second more has to bring.
    static constexpr std::size_t included_bytes = 64_KiB;
    static constexpr std::size_t bytes_per_second = 8_KiB;

    /// The timeouts must stay where they are.
    explicit input_deadlines(const input_timeouts& timeouts) noexcept : timeouts_(&timeouts) {}

    /// Others from now on, which must stay where they are, too.
    void use(const input_timeouts& timeouts) noexcept { timeouts_ = &timeouts; }

    /// Somebody waits from now on. `under_way`: bytes of an unfinished frame that are here.
    void begin_wait(time_point now, std::size_t under_way) noexcept
    {
        if (state_ == state::between && !gave_up_ && under_way == 0) [[likely]] {
            idle_start_ = now;
        } else {
            begin_other_wait(now, under_way);
        }
    }

    /// A whole frame came, and somebody waits from now on for another, of which nothing is here.
    void begin_idle(time_point now) noexcept
    {
        frame_came();
        idle_start_ = now;
    }

    /// The wait was given up before a frame came.
    void end_wait(time_point now) noexcept;

    /// Bytes came, and no whole frame is here yet.
    void bytes_came(time_point now, std::size_t under_way) noexcept;

    /// A whole frame came: the wait is over.
    void frame_came() noexcept
    {
        state_ = state::between;
        in_frame_ = gave_up_ = false;
    }

    /// What came was a whole frame, but nothing that anybody waits for.
    void heartbeat_came() noexcept { in_frame_ = false; }

    /// Something else moved: the line is not idle. Without a time: while nobody waits.
    void activity(time_point now) noexcept { idle_start_ = now; }
    void activity() noexcept { idle_start_ = gave_up_ ? gave_up_at_ : idle_start_; }

    /// When look() has to be called, at the latest.
    time_point due() const noexcept
    {
        return state_ == state::between && !in_frame_ ? add(idle_start_, timeouts_->idle)
                                                      : due_otherwise();
    }

    /// What has struck, if anything has.
    error look(time_point now) noexcept;

private:
    enum class state : unsigned char {
        opened,   // nobody has waited yet
        silent,   // the peer has said nothing yet
        between,  // it has
    };

    void begin_other_wait(time_point now, std::size_t under_way) noexcept;
    time_point due_otherwise() const noexcept;
    void start_frame(time_point now) noexcept;
    bool idle_counts() const noexcept { return !in_frame_ || timeouts_->frame == never; }
    time_point first_due() const noexcept;
    time_point frame_due() const noexcept;
    time_point rate_due() const noexcept;

    const input_timeouts* timeouts_;
    state state_ = state::opened;
    bool in_frame_ = false;
    bool gave_up_ = false;  // the last wait, at `gave_up_at_`
    std::size_t under_way_ = 0;
    std::size_t counted_ = 0;  // bytes of the frame when the interval of the rate began
    time_point opened_at_{};
    time_point idle_start_{};
    time_point frame_start_{};
    time_point rate_start_{};  // of the interval that is being looked at
    time_point gave_up_at_{};
};

}  // namespace libnet
