#include <libnet/testing/stream_pair.hpp>

#include <boost/system/errc.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

namespace libnet::testing {
namespace {

error_code broken_pipe()
{
    return make_error_code(boost::system::errc::broken_pipe);
}

error_code reset()
{
    return make_error_code(boost::system::errc::connection_reset);
}

}  // namespace

/// One direction: bytes between a writer and a reader, and the operation of each that waits.
class stream_pair::pipe {
public:
    pipe(loop& home, pipe_options o) : options(std::move(o)), home_(home)
    {
        offered_.reserve(most_pieces);
        read_.owner = write_.owner = this;
        read_.run = [](detail::work_node& n) { static_cast<step&>(n).owner->finish_read(); };
        write_.run = [](detail::work_node& n) { static_cast<step&>(n).owner->finish_write(); };
        end_.owner = this;
        end_.run = [](detail::work_node& n) { static_cast<step&>(n).owner->drop(); };
        home_.at_shutdown(end_);
    }

    void read(mutable_bytes room, stream_events& events)
    {
        room_ = room;
        reader_ = events_reference(events);
        move_on();
    }

    void write(std::span<const bytes> pieces, stream_events& events)
    {
        const auto some = pieces.first(std::min(pieces.size(), most_pieces));
        offered_.assign(some.begin(), some.end());
        writer_ = events_reference(events);
        move_on();
    }

    result<std::size_t> write_now(std::span<const bytes> pieces)
    {
        if (const error_code failed = write_failure()) {
            return failed;
        }
        const auto count = options.immediate_writes ? put(pieces) : result<std::size_t>(0);
        move_on();
        return count;
    }

    void cancel_read() noexcept
    {
        if (reader_ && !read_.linked()) {
            cancelled_ = true;
            home_.ready(read_);
        }
    }

    /// The writer has said its last.
    void end_writing() noexcept
    {
        writer_gone_ = true;
        move_on();
    }

    void close_reader() noexcept
    {
        reader_gone_ = true;
        waiting_.clear();
        move_on();
    }

    /// The loop ends: what waits is dropped unanswered, as the kernel's sockets do it. Else streams
    /// would live on through those who wait for them.
    void drop() noexcept
    {
        read_.unlink();
        write_.unlink();
        const events_reference reader = std::move(reader_);
        const events_reference writer = std::move(writer_);  // the last of them may end *this
    }

    std::size_t waiting() const noexcept { return waiting_.size(); }
    std::uint64_t written() const noexcept { return written_; }

    pipe_options options;

private:
    struct step : detail::work_node {
        pipe* owner = nullptr;
    };

    static constexpr std::size_t most_pieces = 16;

    void strike() const noexcept
    {
        if (options.struck) {
            *options.struck = true;
        }
    }

    error_code write_failure() const
    {
        if (reader_gone_ || writer_gone_) {
            return broken_pipe();
        }
        if (written_ >= options.break_after) {
            strike();
            return broken_pipe();
        }
        return {};
    }

    bool readable() const noexcept
    {
        if (reader_gone_ || read_so_far_ >= std::min(options.end_after, options.reset_after)) {
            return true;
        }
        const bool by_nature = !waiting_.empty() || writer_gone_;
        if (by_nature && read_so_far_ >= options.stall_after) {
            strike();
            return false;
        }
        return by_nature;
    }

    bool writable() const { return waiting_.size() < options.capacity || write_failure(); }

    std::uint64_t last_readable() const noexcept
    {
        return std::min({options.end_after, options.reset_after, options.stall_after});
    }

    /// As a kernel would, it answers with an error if there is no memory.
    result<std::size_t> put(std::span<const bytes> pieces)
    try {
        std::size_t count = 0;
        for (const bytes piece : pieces) {
            const std::size_t full = options.capacity - std::min(options.capacity, waiting_.size());
            const std::size_t room = std::min<std::uint64_t>(
                {full, options.largest_write - count, options.break_after - written_});
            const std::size_t part = std::min(piece.size(), room);
            waiting_.insert(waiting_.end(), piece.begin(), piece.begin() + part);
            written_ += part;
            count += part;
        }
        return count;
    } catch (const std::bad_alloc&) {
        return make_error_code(boost::system::errc::no_buffer_space);
    }

    /// Queues what can be done; never does it inside the caller.
    void move_on()
    {
        if (reader_ && readable() && !read_.linked()) {
            home_.ready(read_);
        }
        if (writer_ && writable() && !write_.linked()) {
            home_.ready(write_);
        }
    }

    void finish_read()
    {
        const events_reference reader = std::move(reader_);
        const loop::turn this_turn(home_);
        if (reader_gone_) {
            reader->on_read(make_error_code(error::cancelled), 0);
            return;
        }
        if (std::exchange(cancelled_, false) && !readable()) {
            reader->on_read(make_error_code(error::cancelled), 0);
            return;
        }
        if (room_.empty()) {
            reader->on_read({}, 0);
            return;
        }
        const std::size_t count = std::min<std::uint64_t>(
            {room_.size(), waiting_.size(), options.largest_read, last_readable() - read_so_far_});
        if (count == 0) {
            const bool was_reset = read_so_far_ >= options.reset_after;
            if (was_reset || !waiting_.empty() || !writer_gone_) {
                strike();  // by nature the end would not be here
            }
            reader->on_read(was_reset ? reset() : make_error_code(error::closed), 0);
            return;
        }
        std::memcpy(room_.data(), waiting_.data(), count);
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
        read_so_far_ += count;
        move_on();
        reader->on_read({}, count);
    }

    void finish_write()
    {
        const events_reference writer = std::move(writer_);
        const loop::turn this_turn(home_);
        if (const error_code failed = write_failure()) {
            writer->on_write(failed, 0);
            return;
        }
        const auto count = put(offered_);
        move_on();
        if (count) {
            writer->on_write({}, *count);
        } else {
            writer->on_write(count.error(), 0);
        }
    }

    loop& home_;
    std::vector<std::byte> waiting_;
    std::uint64_t written_ = 0;
    std::uint64_t read_so_far_ = 0;
    bool writer_gone_ = false;
    bool reader_gone_ = false;
    bool cancelled_ = false;
    mutable_bytes room_;
    events_reference reader_;
    step read_;
    std::vector<bytes> offered_;
    events_reference writer_;
    step write_;
    step end_;
};

namespace {

class memory_stream final : public stream {
public:
    memory_stream(loop& home, std::shared_ptr<stream_pair::pipe> in,
                  std::shared_ptr<stream_pair::pipe> out, const char* own, const char* other)
        : home_(home), in_(std::move(in)), out_(std::move(out)), local_(own), peer_(other)
    {
    }

    ~memory_stream() override { close(); }

    loop& home() const noexcept override { return home_; }
    void read_some(mutable_bytes room, stream_events& events) override { in_->read(room, events); }
    bool cancel_read() noexcept override
    {
        in_->cancel_read();
        return true;
    }
    void wait_readable(stream_events& events) override { in_->read({}, events); }
    void write_some(std::span<const bytes> pieces, stream_events& events) override
    {
        out_->write(pieces, events);
    }
    result<std::size_t> try_write(std::span<const bytes> pieces) override
    {
        return out_->write_now(pieces);
    }
    error_code shutdown_send() noexcept override
    {
        out_->end_writing();
        return {};
    }
    void close() noexcept override
    {
        if (home_.shutting_down()) {
            in_->drop();
            out_->drop();
        } else if (!std::exchange(closed_, true)) {
            in_->close_reader();
            out_->end_writing();
        }
    }
    std::string peer() const override { return peer_; }
    std::string local() const override { return local_; }

private:
    loop& home_;
    std::shared_ptr<stream_pair::pipe> in_;
    std::shared_ptr<stream_pair::pipe> out_;
    bool closed_ = false;
    std::string local_;
    std::string peer_;
};

}  // namespace

stream_pair::stream_pair(loop& home, pipe_options forward, pipe_options backward)
    : forward_(std::make_shared<pipe>(home, forward)),
      backward_(std::make_shared<pipe>(home, backward)),
      left_(std::make_unique<memory_stream>(home, backward_, forward_, "left", "right")),
      right_(std::make_unique<memory_stream>(home, forward_, backward_, "right", "left"))
{
}

stream_pair::~stream_pair() = default;

std::unique_ptr<stream> stream_pair::take_left()
{
    return std::move(left_);
}

std::unique_ptr<stream> stream_pair::take_right()
{
    return std::move(right_);
}

pipe_options& stream_pair::forward() noexcept
{
    return forward_->options;
}

pipe_options& stream_pair::backward() noexcept
{
    return backward_->options;
}

std::uint64_t stream_pair::forward_bytes() const noexcept
{
    return forward_->written();
}

std::uint64_t stream_pair::backward_bytes() const noexcept
{
    return backward_->written();
}

std::size_t stream_pair::forward_waiting() const noexcept
{
    return forward_->waiting();
}

std::size_t stream_pair::backward_waiting() const noexcept
{
    return backward_->waiting();
}

}  // namespace libnet::testing
