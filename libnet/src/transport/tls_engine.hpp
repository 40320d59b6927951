#pragma once

#include "tls_handle.hpp"
#include "tls_output.hpp"

#include <libnet/core/bytes.hpp>
#include <libnet/core/error.hpp>
#include <libnet/framing/receive_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace libnet::detail {

class tls_plain;

/// TLS without a network: what the peer has sent goes into `input`, what is to be sent comes out of
/// `output`. OpenSSL reads from the one and writes to the other through a BIO of ours, so that one
/// read of the transport serves any number of records, and any number of records leave in one write.
///
///     transport -> input  -> OpenSSL -> decrypt(room)
///     transport <- output <- OpenSSL <- encrypt(pieces)
class tls_engine {
public:
    enum class status : unsigned char {
        ready,    ///< done, or as much as there was room for
        starved,  ///< goes on when more input has come
        ended,    ///< the peer has said that nothing follows
        broken,   ///< see why()
    };

    /// Takes records past `output`, as many bytes as it can at once.
    class outlet {
    public:
        virtual std::size_t take(std::span<const bytes> pieces) = 0;

    protected:
        ~outlet() = default;
    };

    static constexpr std::size_t largest_record = 16 * 1024;

    /// Throws std::bad_alloc.
    explicit tls_engine(tls_connection_handle ssl);
    tls_engine(const tls_engine&) = delete;
    tls_engine& operator=(const tls_engine&) = delete;
    ~tls_engine() = default;

    receive_buffer input;
    tls_output output;

    /// Goes on with the handshake as far as the input allows.
    status handshake();

    /// Decrypts into `room` until it is full or the input is used up; `count` says how much came,
    /// whatever the status.
    status decrypt(mutable_bytes room, std::size_t& count);

    /// Whether decrypt() would have something to say: `starved` if not.
    status look();

    /// Encrypts up to `most` bytes of these pieces, from the byte `skip` on. Small pieces share a
    /// record. The last record goes to `last`, together with what is in `output` before it, and what
    /// it does not take is kept in `output`. Answers how many bytes were encrypted, 0 if it is broken.
    std::size_t encrypt(std::span<const bytes> pieces, std::size_t skip, std::size_t most,
                        outlet* last);

    /// Says to the peer that nothing follows.
    void close_notify() noexcept;

    /// Nothing has gone out for a while: what comes next begins with small records, which the peer
    /// can decrypt before a whole one of 16 KiB has come.
    void begin_small() noexcept { sent_in_a_row_ = 0; }

    /// How many messages besides data the peer may send from now on; one more breaks it. Each costs
    /// far more here than there.
    void allow_messages(unsigned count) noexcept { messages_left_ = count; }
    unsigned messages_left() const noexcept { return messages_left_; }

    /// OpenSSL's buffers, 17 KiB for each direction, come and go with each record until the connection
    /// is busy enough for them to be kept, and again from release_buffers() on.
    void keep_buffers() noexcept;
    void release_buffers() noexcept;

    const error_code& why() const noexcept { return why_; }

    /// The peer's last alert, which says what it did not like; -1 if there was none.
    int alert() const noexcept { return alert_; }
    SSL* ssl() const noexcept { return ssl_.get(); }

private:
    struct bio;

    status stopped();
    error_code failure() const noexcept;
    status broken(const error_code& why) noexcept;
    void shrink_input() noexcept;
    std::size_t record_size() const noexcept;
    bytes next_record(tls_plain& from, std::size_t left, std::span<std::byte> together);
    bool put(bytes plain);
    bool put_last(bytes plain, outlet* to);

    tls_connection_handle ssl_;
    outlet* direct_ = nullptr;  // while the last record is encrypted
    error_code why_;
    std::size_t sent_in_a_row_ = 0;
    unsigned messages_left_ = 0;
    int alert_ = -1;
    bool established_ = false;
    bool looked_at_ = false;
    bool starved_ = false;  // OpenSSL has asked for input, and there was none
    bool reads_ahead_ = false;
    bool begun_ = false;
    bool asked_again_ = false;  // for the first message, in plain text
    bool out_of_memory_ = false;
    bool flooded_ = false;
};

}  // namespace libnet::detail
