#include "tls_stream.hpp"

#include "tls_certificates.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace libnet::detail {
namespace {

constexpr unsigned messages_a_second = 32;
constexpr duration idle_after = std::chrono::seconds(1);

/// Below so much room it is not worth a record, unless nothing else waits.
constexpr std::size_t worth_a_record = 1024;

error_code no_memory()
{
    return make_error_code(boost::system::errc::not_enough_memory);
}

}  // namespace

tls_stream::tls_stream(std::unique_ptr<stream> below, tls_connection_handle ssl,
                       duration end_timeout)
    : loop_(below->home()),
      below_(std::move(below)),
      engine_(std::move(ssl)),
      messages_since_(loop_.time().recent()),
      last_sent_(messages_since_),
      end_timeout_(end_timeout)
{
    outlet_.owner = read_step_.owner = write_step_.owner = at_shutdown_.owner = this;
    read_step_.run = [](work_node& n) { static_cast<step&>(n).owner->answer_reader(); };
    write_step_.run = [](work_node& n) { static_cast<step&>(n).owner->answer_writer(); };
    at_shutdown_.run = [](work_node& n) { static_cast<step&>(n).owner->drop_waiters(); };
    engine_.allow_messages(messages_a_second);
    loop_.at_shutdown(at_shutdown_);
}

tls_stream::~tls_stream() = default;

/// The loop ends: who waits is dropped unanswered, or both would live on through each other.
void tls_stream::drop_waiters() noexcept
{
    read_step_.unlink();
    write_step_.unlink();
    const events_reference reader = std::move(reader_);
    const events_reference writer = std::move(writer_);  // the last of them may end *this
}

// ---- before it is a stream ----------------------------------------------------------------------

struct tls_stream::source {
    template <readiness (tls_stream::*Poll)()>
    static constexpr operation_vtable<void> table{
        [](void* s, operation_arguments) {
            auto& self = *static_cast<tls_stream*>(s);
            self.asked_ = Poll;
            return (self.*Poll)();
        },
        [](void* s) { return static_cast<tls_stream*>(s)->answer(); },
        [](void* s, operation_waiter<void>& w) { static_cast<tls_stream*>(s)->wait_for_peer(w); },
        [](void* s, operation_waiter<void>&) noexcept {
            static_cast<tls_stream*>(s)->waiter_ = nullptr;
        },
        [](void* s) -> loop& { return static_cast<tls_stream*>(s)->loop_; },
    };
};

operation<> tls_stream::first_bytes()
{
    return {this, source::table<&tls_stream::poll_first_bytes>};
}

operation<> tls_stream::handshake()
{
    return {this, source::table<&tls_stream::poll_handshake>};
}

operation<> tls_stream::farewell()
{
    return {this, source::table<&tls_stream::poll_farewell>};
}

readiness tls_stream::poll_first_bytes()
{
    if (!engine_.input.empty()) {
        return readiness::value;
    }
    return input_ended_ ? readiness::failure : readiness::pending;
}

readiness tls_stream::poll_handshake()
{
    const auto state = engine_.handshake();
    send_output();
    switch (state) {
    case tls_engine::status::ready:
        established_ = true;
        dry_ = false;  // there may be more than the handshake
        return readiness::value;
    case tls_engine::status::starved: return input_ended_ ? readiness::failure : readiness::pending;
    case tls_engine::status::ended: input_ended_ = error::handshake_aborted; break;
    case tls_engine::status::broken: input_ended_ = engine_.why(); break;
    }
    return readiness::failure;
}

/// After a handshake that failed: the peer has been told why, and shall be able to read it. It could
/// not if we closed over what it has sent meanwhile.
readiness tls_stream::poll_farewell()
{
    half_closed_ = true;
    send_output();
    if (engine_.input.size() != 0) {
        engine_.input.consume(engine_.input.size());
    }
    return said_goodbye_ || output_failed_ ? readiness::value : readiness::pending;
}

result<> tls_stream::answer() const
{
    return input_ended_ && !said_goodbye_ ? result<>(input_ended_) : result<>();
}

void tls_stream::wait_for_peer(operation_waiter<void>& w)
{
    waiter_ = &w;
    if (!reading_below_ && !begin_read()) {
        answer_waiter();
    }
}

void tls_stream::answer_waiter()
{
    const readiness state = (this->*asked_)();
    if (state != readiness::pending) {
        std::exchange(waiter_, nullptr)->complete(answer());
    } else if (!begin_read()) {
        std::exchange(waiter_, nullptr)->complete(no_memory());
    }
}

// ---- reading ------------------------------------------------------------------------------------

/// False if there is no memory for it.
bool tls_stream::begin_read() noexcept
{
    try {
        below_->read_some(engine_.input.prepare(0, most_held), *this);
        reading_below_ = true;
        return true;
    } catch (const std::bad_alloc&) {
        input_ended_ = no_memory();
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
    return !writing_below_ && below_->cancel_read();  // that would cancel the write as well
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
    }
    return !dry_ || input_ended_;
}

void tls_stream::wait_below()
{
    engine_.release_buffers();
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
    const auto state = engine_.decrypt(room_, decrypted_);
    dry_ = state == tls_engine::status::starved;
    if (state == tls_engine::status::ended) {
        input_ended_ = error::closed;
    } else if (state == tls_engine::status::broken) {
        input_ended_ = engine_.why();
    }
    if (!engine_.output.empty()) {
        send_output();
    }
    return decrypted_ != 0 || input_ended_;
}

void tls_stream::answer_reader()
{
    const events_reference reader = std::move(reader_);
    const loop::turn this_turn(loop_);
    if (const std::size_t count = std::exchange(decrypted_, 0); count != 0 || only_readiness_) {
        reader->on_read({}, count);
    } else {
        reader->on_read(input_ended_, 0);
    }
}

// ---- writing ------------------------------------------------------------------------------------

std::size_t tls_stream::outlet::take(std::span<const bytes> pieces)
{
    const auto taken = owner->below_->try_write(pieces);
    if (taken.has_error()) {
        owner->output_failed_ = taken.error();
        return 0;
    }
    return *taken;
}

/// Encrypts, and lets as much leave as can leave now.
std::size_t tls_stream::encrypt(std::span<const bytes> pieces, std::size_t skip, std::size_t most)
{
    const time_point now = loop_.time().recent();
    if (now > add(last_sent_, idle_after)) {
        engine_.begin_small();
    }
    last_sent_ = now;
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
        output_failed_ = no_memory();
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

// ---- both ---------------------------------------------------------------------------------------

void tls_stream::close() noexcept
{
    closed_ = true;
    below_->close();
}

std::size_t tls_stream::memory() const noexcept
{
    return engine_.input.capacity() + engine_.output.capacity() + in_flight_.capacity() +
           below_->memory();
}

std::optional<security_info> tls_stream::security() const
{
    SSL* const ssl = engine_.ssl();
    const unsigned char* protocol = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &length);
    const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    security_info info{
        .protocol = SSL_get_version(ssl),
        .cipher = SSL_get_cipher_name(ssl),
        .application_protocol{reinterpret_cast<const char*>(protocol), length},
        .server_name = name != nullptr ? name : "",
        .resumed = SSL_session_reused(ssl) == 1,
        .peer = std::nullopt,
    };
    X509* const shown = SSL_get0_peer_certificate(ssl);
    const bool verified =
        SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && SSL_get_verify_result(ssl) == X509_V_OK;
    if (shown != nullptr && verified) {
        info.peer = identity_of(shown);
    }
    return info;
}

}  // namespace libnet::detail
