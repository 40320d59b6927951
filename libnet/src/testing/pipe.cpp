#include "pipe.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

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

stream_pair::pipe::arrival::arrival(pipe& p) noexcept
    : timer_node([](timer_node& node) { static_cast<arrival&>(node).owner.arrive(); }), owner(p)
{
}

stream_pair::pipe::pipe(loop& home, pipe_options o, passage* between)
    : options(std::move(o)), home_(home), between_(between), arrival_(*this)
{
    offered_.reserve(most_pieces);
    read_.owner = write_.owner = at_the_end_.owner = this;
    read_.run = [](libnet::detail::work_node& n) { static_cast<step&>(n).owner->finish_read(); };
    write_.run = [](libnet::detail::work_node& n) { static_cast<step&>(n).owner->finish_write(); };
    at_the_end_.run = [](libnet::detail::work_node& n) { static_cast<step&>(n).owner->drop(); };
    home_.at_shutdown(at_the_end_);
}

void stream_pair::pipe::read(mutable_bytes room, stream_events& events)
{
    room_ = room;
    reader_ = events_reference(events);
    move_on();
}

void stream_pair::pipe::write(std::span<const bytes> pieces, stream_events& events)
{
    const auto some = pieces.first(std::min(pieces.size(), most_pieces));
    offered_.assign(some.begin(), some.end());
    writer_ = events_reference(events);
    move_on();
}

result<std::size_t> stream_pair::pipe::write_now(std::span<const bytes> pieces)
{
    if (const error_code failed = write_failure()) {
        return failed;
    }
    const auto count = options.immediate_writes ? put(pieces) : result<std::size_t>(0);
    move_on();
    return count;
}

void stream_pair::pipe::cancel_read() noexcept
{
    if (reader_ && !read_.linked()) {
        cancelled_ = true;
        home_.ready(read_);
    }
}

void stream_pair::pipe::end_writing() noexcept
{
    if (end_ == end_state::open) {
        end_ = end_state::held;
        end_sets_off();
        move_on();
    }
}

void stream_pair::pipe::close_reader() noexcept
{
    reader_gone_ = true;
    if (between_ != nullptr && arrived_ != 0) {
        between_->unwanted();
    }
    discard(arrived_);
    if (between_ == nullptr) {
        waiting_.clear();
    }
    move_on();
}

void stream_pair::pipe::reset_reader() noexcept
{
    reader_reset_ = true;
    discard(arrived_);
    move_on();
}

void stream_pair::pipe::reset_writer() noexcept
{
    writer_reset_ = true;
    waiting_.resize(waiting_.size() - std::exchange(held_, 0));
    move_on();
}

void stream_pair::pipe::drop() noexcept
{
    read_.unlink();
    write_.unlink();
    home_.time().arm(arrival_, end_of_time);
    const events_reference reader = std::move(reader_);
    const events_reference writer = std::move(writer_);  // the last of them may end *this
}

void stream_pair::pipe::strike() const noexcept
{
    if (options.struck) {
        *options.struck = true;
    }
}

error_code stream_pair::pipe::write_failure() const
{
    if (writer_reset_) {
        return reset();
    }
    if (end_ != end_state::open || (reader_gone_ && between_ == nullptr)) {
        return broken_pipe();
    }
    if (written_ >= options.break_after) {
        strike();
        return broken_pipe();
    }
    return {};
}

bool stream_pair::pipe::readable() const noexcept
{
    if (reader_gone_ || reader_reset_ ||
        read_so_far_ >= std::min(options.end_after, options.reset_after)) {
        return true;
    }
    const bool by_nature = arrived_ != 0 || end_ == end_state::arrived;
    if (by_nature && read_so_far_ >= options.stall_after) {
        strike();
        return false;
    }
    return by_nature;
}

bool stream_pair::pipe::writable() const
{
    return waiting_.size() < options.capacity || write_failure();
}

std::uint64_t stream_pair::pipe::last_readable() const noexcept
{
    return std::min({options.end_after, options.reset_after, options.stall_after});
}

/// As a kernel would, it answers with an error if there is no memory.
result<std::size_t> stream_pair::pipe::put(std::span<const bytes> pieces)
try {
    std::size_t count = 0;
    for (const bytes piece : pieces) {
        const std::size_t full = options.capacity - std::min(options.capacity, waiting_.size());
        const std::size_t room = std::min<std::uint64_t>(
            {full, options.largest_write - count, options.break_after - written_});
        const std::size_t part = std::min(piece.size(), room);
        waiting_.insert(waiting_.end(), piece.begin(), piece.begin() + part);
        held_ += part;
        written_ += part;
        count += part;
    }
    set_off();
    return count;
} catch (const std::bad_alloc&) {
    return make_error_code(boost::system::errc::no_buffer_space);
}

/// Queues what can be done; never does it inside the caller.
void stream_pair::pipe::move_on()
{
    if (reader_ && readable() && !read_.linked()) {
        home_.ready(read_);
    }
    if (writer_ && writable() && !write_.linked()) {
        home_.ready(write_);
    }
}

void stream_pair::pipe::finish_read()
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
        {room_.size(), arrived_, options.largest_read, last_readable() - read_so_far_});
    if (count == 0) {
        const bool reset_here = read_so_far_ >= options.reset_after;
        const bool was_reset = reset_here || reader_reset_;
        if (!reader_reset_ && (reset_here || arrived_ != 0 || end_ != end_state::arrived)) {
            strike();  // by nature the end would not be here
        }
        reader->on_read(was_reset ? reset() : make_error_code(error::closed), 0);
        return;
    }
    std::memcpy(room_.data(), waiting_.data(), count);
    discard(count);
    read_so_far_ += count;
    move_on();
    reader->on_read({}, count);
}

void stream_pair::pipe::discard(std::size_t count) noexcept
{
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    arrived_ -= count;
}

void stream_pair::pipe::finish_write()
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

}  // namespace libnet::testing
