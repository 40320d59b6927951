#include "tls_stream.hpp"

#include "tls_certificates.hpp"
#include "tls_first_message.hpp"

#include <boost/system/errc.hpp>

#include <utility>

namespace libnet::detail {

tls_stream::tls_stream(std::unique_ptr<stream> below, tls_connection_handle ssl,
                       duration end_timeout)
    : loop_(below->home()),
      below_(std::move(below)),
      engine_(std::move(ssl)),
      messages_since_(loop_.time().recent()),
      last_sent_(messages_since_),
      end_timeout_(end_timeout)
{
    outlet_.owner = read_step_.owner = write_step_.owner = this;
    later_.owner = at_shutdown_.owner = this;
    read_step_.run = [](work_node& n) { static_cast<step&>(n).owner->answer_reader(); };
    write_step_.run = [](work_node& n) { static_cast<step&>(n).owner->answer_writer(); };
    later_.run = [](work_node& n) { static_cast<step&>(n).owner->do_later(); };
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
    later_.unlink();
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

operation<> tls_stream::first_message()
{
    return {this, source::table<&tls_stream::poll_first_message>};
}

operation<> tls_stream::handshake()
{
    return {this, source::table<&tls_stream::poll_handshake>};
}

operation<> tls_stream::farewell()
{
    return {this, source::table<&tls_stream::poll_farewell>};
}

readiness tls_stream::poll_first_message()
{
    if (has_first_message(engine_.input.data())) {
        return readiness::value;
    }
    return input_ended_ ? readiness::failure : readiness::pending;
}

readiness tls_stream::poll_handshake()
{
    const auto state = engine_.handshake();
    if (state != tls_engine::status::ready) {
        send_output();
    }
    switch (state) {
    case tls_engine::status::ready:
        established_ = true;
        dry_ = false;         // there may be more than the handshake
        loop_.defer(later_);  // or with the first message, if that comes at once
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
        std::exchange(waiter_, nullptr)
            ->complete(make_error_code(boost::system::errc::not_enough_memory));
    }
}

/// In the turn after a handshake, what it has put out leaves if no message has taken it along. In the
/// turn after a read whose answer cannot leave: whoever does not read on now waits for the peer, perhaps
/// for long, and so needs no buffers for reading.
void tls_stream::do_later() noexcept
{
    send_output();
    if (writing_below_ && !reader_ && !reading_below_) {
        give_back_reading_buffers();
    }
}

// ---- both ---------------------------------------------------------------------------------------

void tls_stream::close() noexcept
{
    closed_ = true;
    later_.unlink();
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
