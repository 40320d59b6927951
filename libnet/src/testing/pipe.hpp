#pragma once

#include <libnet/core/list_node.hpp>
#include <libnet/runtime/clock.hpp>
#include <libnet/testing/impairment.hpp>
#include <libnet/testing/stream_pair.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace libnet::testing {

/// What lies between the ends of a pipe, where that is more than memory.
class passage {
public:
    /// These bytes set off; what does not pass stays with the writer. Nothing passes, and the stream
    /// goes on, while the line is interrupted.
    virtual chunk_fate depart(mutable_bytes content) = 0;

    /// So does the end of the stream; the end of time while the line is interrupted.
    virtual time_point end_departs() = 0;

    virtual void arrived(bytes content) = 0;
    virtual void end_arrived() = 0;

    /// There are bytes, and nobody who will read them.
    virtual void unwanted() = 0;

    /// The line has cut the connection.
    virtual void cut() = 0;

protected:
    ~passage() = default;
};

/// One direction: bytes between a writer and a reader, and the operation of each that waits.
class stream_pair::pipe {
public:
    explicit pipe(loop& home, pipe_options o = {}, passage* between = nullptr);

    void read(mutable_bytes room, stream_events& events);
    void write(std::span<const bytes> pieces, stream_events& events);
    result<std::size_t> write_now(std::span<const bytes> pieces);
    void cancel_read() noexcept;

    /// The writer has said its last.
    void end_writing() noexcept;
    void close_reader() noexcept;

    /// One of its ends learns that the connection is gone, and fails with connection_reset.
    void reset_reader() noexcept;
    void reset_writer() noexcept;

    /// The line is no longer interrupted.
    void try_again();

    /// The loop ends: what waits is dropped unanswered, as the kernel's sockets do it. Else streams
    /// would live on through those who wait for them.
    void drop() noexcept;

    std::size_t waiting() const noexcept { return waiting_.size(); }
    std::size_t arrived() const noexcept { return arrived_; }
    std::uint64_t written() const noexcept { return written_; }

    pipe_options options;

private:
    struct step : libnet::detail::work_node {
        pipe* owner = nullptr;
    };
    struct arrival : libnet::detail::timer_node {
        explicit arrival(pipe& p) noexcept;
        pipe& owner;
    };
    struct cargo {
        std::size_t size;
        time_point arrives;
    };
    enum class end_state { open, held, under_way, arrived };

    static constexpr std::size_t most_pieces = 16;

    void strike() const noexcept;
    error_code write_failure() const;
    bool readable() const noexcept;
    bool writable() const;
    std::uint64_t last_readable() const noexcept;
    result<std::size_t> put(std::span<const bytes> pieces);
    void set_off();
    void end_sets_off();
    void arrive();
    void take_in();
    void discard(std::size_t count) noexcept;
    void move_on();
    void finish_read();
    void finish_write();

    loop& home_;
    passage* between_;

    // What stands in between: first what has arrived, then what is under way, then what is held.
    std::vector<std::byte> waiting_;
    std::size_t arrived_ = 0;
    std::size_t held_ = 0;
    std::vector<cargo> under_way_;
    end_state end_ = end_state::open;
    time_point end_arrives_ = end_of_time;
    bool lost_ = false;  // the line lets nothing through any more
    arrival arrival_;

    std::uint64_t written_ = 0;
    std::uint64_t read_so_far_ = 0;
    bool reader_gone_ = false;
    bool reader_reset_ = false;
    bool writer_reset_ = false;
    bool cancelled_ = false;
    mutable_bytes room_;
    events_reference reader_;
    step read_;
    std::vector<bytes> offered_;
    events_reference writer_;
    step write_;
    step at_the_end_;
};

}  // namespace libnet::testing
