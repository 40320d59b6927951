#pragma once

#include "tls_engine.hpp"

#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/transport/stream.hpp>

#include <memory>
#include <optional>
#include <string>

namespace libnet::detail {

/// TLS over another stream, behind its handle: counted, since operations of that stream point into
/// it.
///
/// Reading  one read of what is below, then records until there are no more, into the reader's room.
/// Writing  what was offered becomes records, which leave in one write. What is below may not take
///          all of them; at most `most_held` bytes are held here.
/// Sources  tls_stream.cpp the handshake and the end, _input.cpp, _output.cpp.
class tls_stream final : public stream_events {
public:
    /// How much of what was written may wait here, with a record more at the end of a message.
    static constexpr std::size_t most_held = 64 * 1024;

    tls_stream(std::unique_ptr<stream> below, tls_connection_handle ssl, duration end_timeout);
    ~tls_stream() override;

    // Before it is a stream.
    operation<> first_message();
    operation<> handshake();
    operation<> farewell();

    // As a stream.
    void read_some(mutable_bytes room, stream_events& events);
    bool cancel_read() noexcept;
    void wait_readable(stream_events& events);
    void write_some(std::span<const bytes> pieces, stream_events& events);
    result<std::size_t> try_write(std::span<const bytes> pieces);
    bool holds_output() const noexcept;
    error_code shutdown_send() noexcept;
    void close() noexcept;
    std::size_t arrived() const noexcept;
    std::size_t memory() const noexcept;
    duration end_timeout() const noexcept { return end_timeout_; }
    std::optional<security_info> security() const;
    stream& below() const noexcept { return *below_; }
    SSL* ssl() const noexcept { return engine_.ssl(); }
    int alert() const noexcept { return engine_.alert(); }

    void on_read(const error_code& failed, std::size_t count) override;
    void on_write(const error_code& failed, std::size_t count) override;

private:
    static constexpr unsigned messages_a_second = 32;

    /// After so many reads without a pause OpenSSL keeps its buffers.
    static constexpr unsigned char busy_after = 16;

    struct source;
    struct step : work_node {
        tls_stream* owner = nullptr;
    };
    struct outlet final : tls_engine::outlet {
        std::size_t take(std::span<const bytes> pieces) override;
        tls_stream* owner = nullptr;
    };

    readiness poll_first_message();
    readiness poll_handshake();
    readiness poll_farewell();
    result<> answer() const;
    void wait_for_peer(operation_waiter<void>& w);
    void answer_waiter();
    bool begin_read() noexcept;

    bool decrypt();
    bool has_something();
    void give_back_reading_buffers() noexcept;
    void wait_below();
    void look_for_reader(std::size_t count);
    void answer_reader();
    void end_reading(const error_code& why) noexcept;
    void bound_answers() noexcept;

    std::size_t held() const noexcept { return engine_.output.size() + in_flight_.size(); }
    std::size_t encrypt(std::span<const bytes> pieces, std::size_t skip, std::size_t most);
    void send_output() noexcept;
    void write_below() noexcept;
    void answer_writer();
    void do_later() noexcept;
    void drop_waiters() noexcept;

    loop& loop_;
    std::unique_ptr<stream> below_;
    tls_engine engine_;
    tls_output in_flight_;  // what below_ is writing

    bool established_ = false;
    bool reading_below_ = false;
    bool writing_below_ = false;
    bool dry_ = true;  // decrypting needs more input
    bool half_closed_ = false;
    bool said_end_ = false;      // below_ as well
    bool said_goodbye_ = false;  // so has the peer, after a handshake that failed
    bool only_readiness_ = false;
    bool closed_ = false;
    unsigned char reads_in_a_row_ = 0;

    readiness (tls_stream::*asked_)() = nullptr;
    operation_waiter<void>* waiter_ = nullptr;
    error_code input_ended_;
    error_code output_failed_;

    events_reference reader_;
    mutable_bytes room_;
    std::size_t decrypted_ = 0;
    step read_step_;

    events_reference writer_;
    bytes offered_;
    step write_step_;

    outlet outlet_;
    time_point messages_since_;
    time_point last_sent_;
    duration end_timeout_;
    step later_;
    step at_shutdown_;
};

}  // namespace libnet::detail
