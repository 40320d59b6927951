#pragma once

#include "connection_settings.hpp"
#include "frame_batch.hpp"

#include <libnet/policy/heartbeat.hpp>
#include <libnet/policy/input_deadlines.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/runtime/task_failure.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/session/inbox.hpp>
#include <libnet/session/outbox.hpp>
#include <libnet/transport/stream.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace libnet::detail {

class connection_core;

/// A message from another thread that waits for room.
struct letter : list_node {
    std::string payload;
};

/// What handles share with their connection. `core` and `letters` are read and written on the loop's
/// thread only.
struct connection_link {
    std::shared_ptr<mailbox> box;
    connection_core* core = nullptr;
    node_list<letter> letters;

    /// What a letter counts: more than its payload, or empty ones could queue without a bound.
    static std::size_t cost_of(std::string_view payload) noexcept { return payload.size() + 64; }

    std::size_t limit = 0;               // of `queued`
    std::atomic<std::size_t> queued{0};  // the cost of letters that are not accepted yet
    std::atomic<bool> alive{true};
};

/// What the loop runs of a connection: bases of it, since members would each need to know whose they are.
struct connection_work {
    struct of_flushing : work_node {};
    struct of_reading : work_node {};
    struct of_time : timer_node {
        using timer_node::timer_node;
    };
};

/// A connection behind its handle: counted, since operations of the stream point into it.
///
/// Input    inbox_:  | frame handed out | whole frames | part of a frame |  -> framing_ decides
/// Output   out_ gathers what send() accepts; flight_ is what the stream is writing. Two, so
///          that accepting never waits for writing.
/// Time     deadlines are stored; one timer looks at them when it comes by, and is armed anew only
///          for an earlier one.
/// Sources  connection_core.cpp the end, _input.cpp, _output.cpp, _time.cpp, _heartbeat.cpp,
///          _memory.cpp, _overflow.cpp, _drain.cpp, _upgrade.cpp, _release.cpp.
class connection_core final : public stream_events,
                              private connection_work::of_flushing,
                              private connection_work::of_reading,
                              private connection_work::of_time {
public:
    connection_core(std::unique_ptr<stream> transport,
                    std::shared_ptr<const connection_settings> settings);
    ~connection_core() override;

    // What the operations ask.
    LIBNET_ASIO_ALWAYS_INLINE readiness poll_receive();
    LIBNET_ASIO_HOT readiness look_for_frame();
    readiness poll_batch();
    readiness poll_send(bytes payload);
    readiness poll_send_batch(std::span<const bytes> rest, bool begun);
    readiness poll_flush();
    readiness poll_close();

    error_code why_no_frame() const;
    result<std::span<const bytes>> take_batch() const;
    result<> take_send();
    result<> take_flush() const;
    result<> take_close() const;

    void wait_frame(operation_waiter<bytes>& w);
    void wait_batch(operation_waiter<std::span<const bytes>>& w);
    void wait_send(operation_waiter<void>& w);
    void wait_send_batch(operation_waiter<void>& w);
    void wait_flush(operation_waiter<void>& w);
    void wait_close(operation_waiter<void>& w);

    void abandon_receive() noexcept;

    // Between two uses, in a pool.
    /// Reads ahead, and runs `on_input` soon when something comes that nobody asked for, or the end;
    /// false if that is so already. Not while somebody receives.
    bool watch_while_idle(work_node& on_input);
    void end_watch(work_node& on_input) noexcept;
    bool has_unread_input() const noexcept;
    std::uint64_t messages_sent() const noexcept { return out_.messages; }

    /// Ends receiving and accepting; accepted output still leaves.
    LIBNET_ASIO_COLD void fail(const error_code& why);
    /// Receives what is buffered or under way, and then answers `why`.
    LIBNET_ASIO_COLD void drain(error why, const drain_grace& grace = {});
    bool draining() const noexcept { return draining_ != error{}; }
    /// Closing takes no longer than that from now, whatever its options say.
    void close_within(duration limit) noexcept;
    /// Accepts a message now, above all bounds; nothing if it cannot.
    void send_now(bytes payload) noexcept { (void)accept_later(payload); }

    /// The owner has gone: close in the background, or at once when the loop ends.
    LIBNET_ASIO_COLD void abandon() noexcept;

    // A layer that comes in between.
    bool stop_reading();
    bool has_early_bytes();
    std::unique_ptr<stream> take_transport();
    void put_transport(std::unique_ptr<stream> ready);
    LIBNET_ASIO_COLD void lose_transport(const error_code& why);

    // A connection that is taken apart, or begins with what others have received.
    bool has_output() const noexcept { return unsent() != 0 || writing_; }
    std::vector<std::byte> unread() const;
    void put_back(bytes received);

    /// Other timeouts and marks from now on; framing and heartbeat must be the same.
    void use(std::shared_ptr<const connection_settings> settings) noexcept;

    void post_letter(std::string payload);

    connection_info info() const;
    error_code ended() const noexcept { return failure_.error(); }
    connection_ending ending() const noexcept;
    std::shared_ptr<connection_link> link();
    stream& transport() const noexcept { return *stream_; }
    inbox& frames() noexcept { return inbox_; }
    outbox& output() noexcept { return out_; }
    loop& home() const noexcept { return loop_; }

    LIBNET_ASIO_HOT void on_read(const error_code& failed, std::size_t count) override;
    void on_write(const error_code& failed, std::size_t count) override;

private:
    static constexpr std::size_t direct_write = 16_KiB;  // payloads that are not worth copying
    static constexpr std::size_t long_write = 64_KiB;    // while it is taken, more may come
    static constexpr std::size_t largest_batch = 256;
    static constexpr std::uintptr_t is_batch = ~(~std::uintptr_t{0} >> 1);  // beside its length
    static constexpr duration park_after = connection_settings::park_after;

    enum class reception : unsigned char { frame, batch, watch };

    /// Until when it still receives while it drains.
    struct drain_line {
        std::uint64_t last_frames_begin_before;  // of all bytes that it will ever have received
        time_point first_frame_until;
        time_point any_frame_until;
    };
    /// What the stream is writing, of which so many bytes have left.
    struct flight {
        bytes rest() const noexcept { return output.data().subspan(flown); }

        output_buffer output;
        std::size_t flown = 0;
        time_point due = end_of_time;  // the send_timeout
    };
    /// Its end, which is awaited or happens in the background. The node is for the end of the loop.
    struct closing : work_node {
        explicit closing(connection_core& c) noexcept : core(&c) {}
        connection_core* core;
        node_list<work_node> closers;  // operation_waiter<void>
        time_point due = end_of_time;
        events_reference self;  // in the background
    };
    struct account final : memory_budget::account {
        explicit account(connection_core& c) noexcept : core(c) {}
        void memory_is_free() noexcept override { core.memory_is_free(); }
        void give_unused_back() noexcept override { core.give_unused_back(); }
        void give_memory_up() noexcept override { core.give_memory_up(); }
        connection_core& core;
    };
    struct pulse {
        explicit pulse(time_point now) noexcept : clock(now) {}
        heartbeat_clock clock;
        std::optional<duration> round_trip;
    };

    // input
    readiness decode_ahead();
    std::size_t take_plain_frames(bytes unseen);
    std::size_t find_frames(bytes unseen, std::span<found_frame> room, decoded& last);
    LIBNET_ASIO_HOT readiness input_exhausted();
    bool somebody_receives() const noexcept { return receiver_ != nullptr; }
    void begin_receive(work_node& who, reception what);
    template <class T>
    static operation_waiter<T>& waiter_for(work_node& receiver) noexcept
    {
        return static_cast<operation_waiter<T>&>(receiver);
    }
    LIBNET_ASIO_HOT void begin_receive();
    void begin_other_wait(time_point now, bool frame_came);
    LIBNET_ASIO_HOT void read_now();
    mutable_bytes more_room(std::size_t most);
    bool on_other_read(const error_code& failed, std::size_t count, bool asked_to_park);
    bool may_park() const noexcept;
    LIBNET_ASIO_COLD void park();
    LIBNET_ASIO_COLD void wait_without_buffers();
    LIBNET_ASIO_HOT void deliver();
    LIBNET_ASIO_ALWAYS_INLINE void deliver_or_read();
    void read_on();

    // draining
    bool is_reading() const noexcept { return reading_ && !parked_; }
    LIBNET_ASIO_COLD void look_at_draining();
    LIBNET_ASIO_COLD bool has_begun_last_frame() const noexcept;
    LIBNET_ASIO_COLD bool awaits_frame() const noexcept;
    LIBNET_ASIO_COLD void end_draining() noexcept;
    LIBNET_ASIO_COLD time_point next_look_at_draining() const noexcept;

    // heartbeats
    bool has_heartbeat() const noexcept { return pulse_ != nullptr; }
    void look_at_heartbeat(time_point now);
    bool read_ahead();
    LIBNET_ASIO_COLD void absorb_heartbeats();
    std::size_t take_heartbeats_out(std::span<found_frame> frames) noexcept;
    LIBNET_ASIO_COLD void take_heartbeat(beat kind) noexcept;
    void send_heartbeat(const std::string& payload) noexcept;

    // output
    std::size_t unsent() const noexcept
    {
        return out_.size() + (flight_ ? flight_->rest().size() : 0);
    }
    std::size_t waiting_output() const noexcept
    {
        // What is under way counts until all of it has left, since till then it holds its memory. But
        // it can no longer be dropped: where the oldest make room, it would leave none.
        const bool drops = settings_->options.when_full == overflow::drop_oldest;
        return out_.size() + (drops || !flight_ ? 0 : flight_->output.size());
    }
    bool takes_more() const noexcept { return waiting_output() < high_water_mark(); }
    std::size_t high_water_mark() const noexcept
    {
        const std::size_t mark = settings_->options.high_water_mark;
        return settings_->budget ? settings_->budget->allowance(mark) : mark;
    }
    bool is_kept_waiting() const noexcept { return !senders_.empty() || !takes_more(); }
    readiness overflows(std::size_t size, std::size_t messages = 1);
    bool drop_oldest(std::size_t room) noexcept;
    LIBNET_ASIO_ALWAYS_INLINE error accept(bytes payload);
    error accept_batch(std::span<const bytes> payloads);
    error encode(bytes payload);
    void gather_or_flush();
    LIBNET_ASIO_ALWAYS_INLINE void expect_answer(readiness found) noexcept;
    void stop_gathering() noexcept;
    void append(const envelope& e, bytes payload);
    void write_direct(const envelope& e, bytes payload);
    void keep_rest(std::span<const bytes> pieces, std::size_t written);
    LIBNET_ASIO_HOT bool flush();
    void flush_and_note();
    void write_gathered(std::size_t flown);
    bool prepare_flight();
    void forget_flight() noexcept;
    void write_rest();
    time_point send_due() const noexcept { return flight_ ? flight_->due : end_of_time; }
    void count_sent(std::size_t count) noexcept;
    /// Output has left. Whoever waited for room or for the end of it goes on.
    void output_moved()
    {
        if (!senders_.empty() || has_letters() || !flushers_.empty() || closing_ || !out_.empty())
            [[unlikely]] {
            wake_behind_output();
        }
    }
    bool has_letters() const noexcept { return link_ && !link_->letters.empty(); }
    void wake_behind_output();
    void wake_flushers();
    void wake_senders();
    error_code accept_later(bytes payload) noexcept;
    error_code accept_waiting(operation_arguments asked) noexcept;
    error_code accept_uncounted(bytes payload) noexcept;

    // memory
    std::size_t memory() const noexcept;
    void count_memory() noexcept
    {
        if (settings_->budget && !closed_) {
            settings_->budget->charge(*account_, memory());
        }
    }
    std::size_t room_to_read() noexcept
    {
        return settings_->budget && !settings_->budget->has_plenty() ? allowed_room_to_read()
                                                                     : receive_buffer::largest_read;
    }
    LIBNET_ASIO_COLD std::size_t allowed_room_to_read() noexcept;
    LIBNET_ASIO_COLD std::size_t ask_for_room() noexcept;
    void give_buffers_back() noexcept;
    void memory_is_free() noexcept;
    void give_unused_back() noexcept;
    void give_memory_up() noexcept;

    // the end
    LIBNET_ASIO_COLD void break_off(const error_code& why);
    connection_ending::phase phase() const noexcept;
    LIBNET_ASIO_COLD void answer_receiver(const error_code& why);
    LIBNET_ASIO_COLD void enter_closing() noexcept;
    LIBNET_ASIO_COLD void begin_close();
    LIBNET_ASIO_COLD void go_on_closing();
    LIBNET_ASIO_COLD void finish_close(error why) noexcept;

    // time
    void watch(time_point when);
    void look_at_deadlines();
    time_point next_deadline() const noexcept;
    void note_activity() noexcept;
    time_point recent() const noexcept { return loop_.time().recent(); }

    bool has_failed() const noexcept { return failure_.is_error(); }
    timer_node& alarm() noexcept { return static_cast<of_time&>(*this); }
    work_node& flush_later() noexcept { return static_cast<of_flushing&>(*this); }
    work_node& read_later() noexcept { return static_cast<of_reading&>(*this); }
    template <class Part, class Node>
    static connection_core& whole_of(Node& part) noexcept
    {
        return static_cast<connection_core&>(static_cast<Part&>(part));
    }

    // What every message touches comes first, and together: a connection that gets one now and then has
    // none of it in the processor's nearest cache.
    loop& loop_;
    std::unique_ptr<stream> stream_;
    std::shared_ptr<const connection_settings> settings_;

    work_node* receiver_ = nullptr;  // who waits, an operation_waiter or a watcher
    std::uint32_t messages_before_ =
        0;  // handed out when somebody last waited; the last 32 bits will do
    std::uint32_t delivered_in_ = 0;  // turn of the loop in which a waiting session got a frame

    reception receives_{};          // what receiver_ waits for
    bool answers_at_once_ = false;  // the session has, the last time
    bool moved_ = false;            // bytes have come, and the session is not done with them
    bool only_heartbeats_ = false;  // in what leaves: they are no activity
    bool wrote_direct_ = false;     // since the last read
    bool waking_ = false;
    bool reading_ = false;
    bool parked_ = false;  // the read under way holds no buffer, or will not for long
    bool writing_ = false;
    bool end_of_input_ = false;
    bool broken_ = false;  // the stream is of no use any more
    bool closing_ = false;
    bool half_closed_ = false;
    bool closed_ = false;
    connection_ending::phase failed_during_{};
    error draining_{};      // why, if it is
    task_failure failure_;  // an error, never an exception

    time_point waiting_since_;  // that somebody receives, or the last activity since then
    time_point last_moved_;     // bytes, in either direction
    std::uint64_t bytes_received_ = 0;
    std::uint64_t bytes_sent_ = 0;

    node_list<work_node> senders_;   // operation_waiter<void>
    node_list<work_node> flushers_;  // operation_waiter<void>, with what bytes_sent_ must reach
    std::shared_ptr<connection_link> link_;  // if it has a handle
    std::unique_ptr<pulse> pulse_;           // if it has a heartbeat
    std::unique_ptr<flight> flight_;         // none yet, or empty, while nothing is being written

    outbox out_{*this};
    inbox inbox_{*this};

    union {  // whoever closes does not receive
        input_deadlines input_;
        closing end_;  // if closing_
    };

    // The others are for what happens now and then.
    any_framing framing_;
    std::unique_ptr<frame_batch> batch_;      // if somebody asks for batches
    std::unique_ptr<drain_line> drain_line_;  // none: nothing is waited for that is not here
    std::unique_ptr<account> account_;        // if there is a memory budget
    time_point opened_;
    time_point lifetime_due_ = end_of_time;
    time_point close_by_ = end_of_time;  // however late it begins to close
    std::uint64_t messages_refused_ = 0;
    std::uint64_t messages_dropped_ = 0;
    error send_refusal_{};
    error last_refusal_{};
    error close_failure_{};
};

/// For what in the library works with connections rather than on them.
struct connection_access {
    static connection_core& core(const connection& c) noexcept { return c.core(); }
};

}  // namespace libnet::detail
