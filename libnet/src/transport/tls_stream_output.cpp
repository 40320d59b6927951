#include "tls_stream.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <new>
#include <utility>

/// Writing: from what is offered to records, and what is below takes of them.
namespace libnet::detail {
namespace {

constexpr duration idle_after = std::chrono::seconds(1);

/// Below so much room it is not worth a record, unless nothing else waits.
constexpr std::size_t worth_a_record = 1024;

}  // namespace

/// OpenSSL calls this: what the stream below throws must not pass through it.
std::size_t tls_stream::outlet::take(std::span<const bytes> pieces)
try {
    const auto taken = owner->below_->try_write(pieces);
    if (taken.has_error()) {
        owner->output_failed_ = taken.error();
        return 0;
    }
    return *taken;
} catch (const std::bad_alloc&) {
    owner->output_failed_ = make_error_code(boost::system::errc::not_enough_memory);
    return 0;
} catch (const std::exception&) {
    owner->output_failed_ = make_error_code(boost::system::errc::io_error);
    return 0;
}

/// Encrypts, and lets as much leave as can leave now.
std::size_t tls_stream::encrypt(std::span<const bytes> pieces, std::size_t skip, std::size_t most)
{
    const time_point now = loop_.time().recent();
    if (now > add(last_sent_, idle_after)) {
        engine_.begin_small();
    }
    last_sent_ = now;
    if (!writing_below_) {
        later_.unlink();  // it leaves with this
    }
    const std::size_t count =
        engine_.encrypt(pieces, skip, most, writing_below_ ? nullptr : &outlet_);
    if (engine_.why() && !output_failed_) {
        output_failed_ = engine_.why();
    }
    if (!engine_.output.empty() && !writing_below_ && !output_failed_) {
        write_below();
    }
    return count;
}

result<std::size_t> tls_stream::try_write(std::span<const bytes> pieces)
{
    std::size_t left = 0;
    for (const bytes piece : pieces) {
        left += piece.size();
    }
    std::size_t taken = 0;
    while (!output_failed_ && !writing_below_) {
        if (half_closed_) {
            return make_error_code(boost::system::errc::broken_pipe);
        }
        const bool is_last = left <= most_held + tls_engine::largest_record;  // no write for a rest
        const std::size_t count = encrypt(pieces, taken, is_last ? left : most_held);
        taken += count;
        left -= count;
        if (count == 0 || left == 0) {
            break;
        }
    }
    if (output_failed_) {
        return output_failed_;
    }
    return taken;
}

void tls_stream::write_some(std::span<const bytes> pieces, stream_events& events)
{
    writer_ = events_reference(events);
    const auto some =
        std::find_if(pieces.begin(), pieces.end(), [](bytes piece) { return !piece.empty(); });
    offered_ = some != pieces.end() ? *some : bytes();
    if (!writing_below_) {
        loop_.ready(write_step_);
    }
}

void tls_stream::answer_writer()
{
    std::size_t count = 0;
    if (half_closed_ && !output_failed_ && !offered_.empty()) {
        output_failed_ = make_error_code(boost::system::errc::broken_pipe);
    }
    if (!offered_.empty() && !output_failed_) {
        const std::size_t room = most_held - std::min(held(), most_held);
        if (room < worth_a_record) {
            return;  // goes on in on_write()
        }
        count = encrypt({&offered_, 1}, 0, room);
    }
    const events_reference writer = std::move(writer_);
    const loop::turn this_turn(loop_);
    writer->on_write(output_failed_, output_failed_ ? 0 : count);
}

/// What the engine has put out by itself leaves now, or as soon as there is room.
void tls_stream::send_output() noexcept
{
    if (writing_below_ || output_failed_) {
        return;
    }
    if (!engine_.output.empty()) {
        const std::array<bytes, 1> records{engine_.output.data()};
        engine_.output.drop_front(outlet_.take(records));
        if (!engine_.output.empty() && !output_failed_) {
            write_below();
            return;
        }
    }
    if (half_closed_ && !said_end_ && !output_failed_) {
        said_end_ = true;
        (void)below_->shutdown_send();
    }
}

void tls_stream::write_below() noexcept
{
    if (in_flight_.empty()) {
        in_flight_.swap(engine_.output);
    }
    const std::array<bytes, 1> records{in_flight_.data()};
    try {
        below_->write_some(records, *this);
        writing_below_ = true;
    } catch (const std::bad_alloc&) {
        output_failed_ = make_error_code(boost::system::errc::not_enough_memory);
    }
}

void tls_stream::on_write(const error_code& failed, std::size_t count)
{
    writing_below_ = false;
    if (failed && (failed != error::cancelled || closed_)) {
        output_failed_ = failed;
        in_flight_.release();
        engine_.output.release();
    } else {
        in_flight_.drop_front(count);
        if (!in_flight_.empty()) {
            write_below();
        } else {
            send_output();
        }
    }
    if (writer_) {
        answer_writer();
    }
}

bool tls_stream::holds_output() const noexcept
{
    return writing_below_ && !output_failed_;
}

error_code tls_stream::shutdown_send() noexcept
{
    if (!std::exchange(half_closed_, true)) {
        engine_.close_notify();
        send_output();
    }
    return output_failed_;
}

}  // namespace libnet::detail
