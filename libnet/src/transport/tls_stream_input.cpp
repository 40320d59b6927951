#include "tls_stream.hpp"

#include <boost/system/errc.hpp>

#include <new>
#include <utility>

/// Reading: from what has come below to what the reader gets.
namespace libnet::detail {

/// False if there is no memory for it.
bool tls_stream::begin_read() noexcept
{
    try {
        below_->read_some(engine_.input.prepare(0, most_held), *this);
        reading_below_ = true;
        return true;
    } catch (const std::bad_alloc&) {
        input_ended_ = make_error_code(boost::system::errc::not_enough_memory);
        return false;
    }
}

void tls_stream::read_some(mutable_bytes room, stream_events& events)
{
    reader_ = events_reference(events);
    room_ = room;
    only_readiness_ = false;
    if ((!dry_ || input_ended_) && decrypt()) {
        loop_.ready(read_step_);
    } else if (!reading_below_ && !begin_read()) {
        loop_.ready(read_step_);
    }
}

bool tls_stream::cancel_read() noexcept
{
    if (read_step_.linked()) {
        return true;
    }
    return !writing_below_ && below_->cancel_read();  // that may cancel the write as well
}

void tls_stream::wait_readable(stream_events& events)
{
    reader_ = events_reference(events);
    room_ = {};
    only_readiness_ = true;
    if (has_something()) {
        loop_.ready(read_step_);
    } else {
        wait_below();
    }
}

/// For the reader. There may be records without a byte for it: tickets, key updates.
bool tls_stream::has_something()
{
    if (!dry_ && !input_ended_) {
        dry_ = engine_.look() == tls_engine::status::starved;
        send_output();
        bound_answers();
    }
    return !dry_ || input_ended_;
}

/// What is encrypted is longer than what it says, so these are never too few. Of a record whose
/// beginning OpenSSL has taken nobody knows more than that it is there.
std::size_t tls_stream::arrived() const noexcept
{
    if (input_ended_) {
        return 0;
    }
    const std::size_t begun = SSL_has_pending(engine_.ssl()) != 0 ? 1 : 0;
    return begun + engine_.input.size() + below_->arrived();
}

void tls_stream::give_back_reading_buffers() noexcept
{
    engine_.release_buffers();
    reads_in_a_row_ = 0;
}

void tls_stream::wait_below()
{
    give_back_reading_buffers();
    below_->wait_readable(*this);
    reading_below_ = true;
}

void tls_stream::on_read(const error_code& failed, std::size_t count)
{
    reading_below_ = false;
    if (failed == error::cancelled && !closed_ && reader_) {
        const events_reference reader = std::move(reader_);
        reader->on_read(failed, 0);
        return;
    }
    if (failed) {
        end_reading(failed);
    } else if (count != 0) {
        engine_.input.commit(count);
        dry_ = false;
    }
    if (waiter_ != nullptr) {
        answer_waiter();
    } else if (reader_ && only_readiness_) {
        look_for_reader(count);
    } else if (reader_ && (decrypt() || !begin_read())) {
        answer_reader();
    }
}

/// Something has come while the reader waits without a buffer; or only the word that it has.
void tls_stream::look_for_reader(std::size_t count)
{
    if (has_something()) {
        answer_reader();
    } else if (count != 0) {
        wait_below();
    } else if (!begin_read()) {
        answer_reader();
    }
}

/// What is below has ended. For TLS that is an end only if the peer has said so before: whoever is on
/// the way could cut it short as well.
void tls_stream::end_reading(const error_code& why) noexcept
{
    said_goodbye_ = established_ ? said_goodbye_ : half_closed_;
    if (input_ended_) {
        return;
    }
    if (why == error::closed) {
        input_ended_ = established_ ? error::truncated_stream : error::handshake_aborted;
    } else {
        input_ended_ = why;
    }
}

/// Decrypts into the reader's room; true if there is an answer for it.
bool tls_stream::decrypt()
{
    decrypted_ = 0;
    if (input_ended_) {
        return true;
    }
    if (engine_.messages_left() != messages_a_second) {
        const time_point now = loop_.time().recent();
        if (now >= add(messages_since_, std::chrono::seconds(1))) {
            messages_since_ = now;
            engine_.allow_messages(messages_a_second);
        }
    }
    if (reads_in_a_row_ < busy_after && ++reads_in_a_row_ == busy_after) {
        engine_.keep_buffers();
    }
    const auto state = engine_.decrypt(room_, decrypted_);
    dry_ = state == tls_engine::status::starved;
    if (state == tls_engine::status::ended) {
        input_ended_ = error::closed;
    } else if (state == tls_engine::status::broken) {
        input_ended_ = engine_.why();
    }
    if (!engine_.output.empty() && !later_.linked()) {
        send_output();
        bound_answers();
    }
    return decrypted_ != 0 || input_ended_;
}

/// What OpenSSL answers by itself, key updates and refusals, waits beside the data. A peer that asks
/// for it and does not read it is no honest one.
void tls_stream::bound_answers() noexcept
{
    if (held() > 2 * most_held && !input_ended_) {
        input_ended_ = error::limit_reached;
    }
}

void tls_stream::answer_reader()
{
    const events_reference reader = std::move(reader_);
    const loop::turn this_turn(loop_);
    if (writing_below_ && !later_.linked()) {
        loop_.defer(later_);
    }
    if (const std::size_t count = std::exchange(decrypted_, 0); count != 0 || only_readiness_) {
        reader->on_read({}, count);
    } else {
        reader->on_read(input_ended_, 0);
    }
}

}  // namespace libnet::detail
