#include "tls_engine.hpp"

#include "tls_failure.hpp"
#include "tls_first_message.hpp"
#include "tls_plain.hpp"

#include <boost/system/errc.hpp>

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

namespace libnet::detail {
namespace {

// The first bytes of a flight are in the peer's hands before the rest has come: records as large as
// a segment, for about as many as a fresh connection may send at once. After that whole records,
// which cost less.
constexpr std::size_t small_record = 1369;
constexpr std::size_t small_records_for = 12 * small_record;

constexpr std::size_t worth_no_copy = 2048;

/// So little input goes into OpenSSL's buffer at once, where it would take a record's header first and
/// then the rest of it. With more, parts of records would be moved about there.
constexpr std::size_t read_ahead = 4096;

constexpr std::size_t record_overhead = 64;

/// Those of whoever used OpenSSL on this thread before: they would be taken for ours.
void forget_errors() noexcept
{
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

/// A ServerHello by which the server asks for the first message once more: what it shows for random is
/// always the same (RFC 8446, 4.1.3).
///
///     | type | length | version | random | ...
///     0      1        4         6        38
bool is_hello_retry_request(std::span<const unsigned char> message) noexcept
{
    constexpr std::array<unsigned char, 32> asks_again{
        0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C,
        0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB,
        0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C};
    constexpr std::size_t random = 6;
    return message.size() >= random + asks_again.size() && message[0] == SSL3_MT_SERVER_HELLO &&
           std::ranges::equal(message.subspan(random, asks_again.size()), asks_again);
}

}  // namespace

/// What OpenSSL calls.
struct tls_engine::bio {
    static tls_engine& of(BIO* b) noexcept { return *static_cast<tls_engine*>(BIO_get_data(b)); }

    static int read(BIO* b, char* to, std::size_t room, std::size_t* count)
    {
        tls_engine& self = of(b);
        BIO_clear_retry_flags(b);
        if (self.flooded_) {
            return 0;
        }
        if (self.input.empty()) {
            self.starved_ = true;
            BIO_set_retry_read(b);
            return 0;
        }
        *count = std::min(room, self.input.size());
        std::memcpy(to, self.input.data().data(), *count);
        self.input.consume(*count);
        return 1;
    }

    static int write(BIO* b, const char* from, std::size_t size, std::size_t* count)
    {
        tls_engine& self = of(b);
        BIO_clear_retry_flags(b);
        bytes record(reinterpret_cast<const std::byte*>(from), size);
        *count = size;
        try {
            if (self.direct_ != nullptr) {
                const std::array<bytes, 2> pieces{self.output.data(), record};
                const std::size_t waiting = pieces[0].size();
                const std::size_t taken =
                    self.direct_->take(std::span(pieces).subspan(waiting == 0 ? 1 : 0));
                self.output.drop_front(std::min(taken, waiting));
                record = record.subspan(taken - std::min(taken, waiting));
            }
            if (!record.empty()) {
                self.output.append(record);
            }
        } catch (const std::bad_alloc&) {
            self.out_of_memory_ = true;
            return 0;
        }
        return 1;
    }

    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH; }

    static const BIO_METHOD* method()
    {
        static const auto made = [] {
            BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "libnet");
            if (m == nullptr) {
                throw std::bad_alloc();
            }
            BIO_meth_set_read_ex(m, read);
            BIO_meth_set_write_ex(m, write);
            BIO_meth_set_ctrl(m, control);
            return m;
        }();
        return made;
    }

    /// Every message that is no data: handshakes, key updates, tickets; warnings, both the peer's and
    /// our refusals of another handshake.
    static void message(int written, int, int type, const void* content, std::size_t size, SSL*,
                        void* engine)
    {
        auto& self = *static_cast<tls_engine*>(engine);
        const auto* const text = static_cast<const unsigned char*>(content);
        const bool is_alert = type == SSL3_RT_ALERT && size == 2;
        const bool is_warning =
            is_alert && text[0] == SSL3_AL_WARNING && text[1] != SSL_AD_CLOSE_NOTIFY;
        if (is_alert && written == 0) {
            self.alert_ = text[1];
        }
        if (type == SSL3_RT_HANDSHAKE && !self.established_) {
            self.asked_again_ = written != 0 && is_hello_retry_request({text, size});
        }
        if (self.established_ && ((written == 0 && type == SSL3_RT_HANDSHAKE) || is_warning)) {
            self.flooded_ = self.flooded_ || self.messages_left_ == 0;
            self.messages_left_ -= self.messages_left_ != 0 ? 1 : 0;
        }
    }
};

tls_engine::tls_engine(tls_connection_handle ssl) : ssl_(std::move(ssl))
{
    BIO* const both = BIO_new(bio::method());
    if (both == nullptr) {
        throw std::bad_alloc();
    }
    BIO_set_data(both, this);
    BIO_set_init(both, 1);
    SSL_set_bio(ssl_.get(), both, both);  // it is the connection's now
    SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS);
    SSL_set_msg_callback(ssl_.get(), bio::message);
    SSL_set_msg_callback_arg(ssl_.get(), this);
}

tls_engine::status tls_engine::handshake()
{
    if (why_) {
        return status::broken;
    }
    if (!looked_at_ && !input.empty()) {
        looked_at_ = true;
        if (const error other = not_how_tls_begins(input.data()); other != error{}) {
            return broken(other);
        }
    }
    // What comes later is encrypted, and may look like anything.
    const bool is_first_message = !begun_ || asked_again_;
    if (is_first_message && SSL_is_server(ssl_.get()) == 1 && !has_first_message(input.data())) {
        return status::starved;
    }
    begun_ = true;
    forget_errors();
    starved_ = false;
    if (SSL_do_handshake(ssl_.get()) == 1) {
        forget_errors();  // those on the way to success
        established_ = true;
        return status::ready;
    }
    return stopped();
}

tls_engine::status tls_engine::decrypt(mutable_bytes room, std::size_t& count)
{
    count = 0;
    if (why_) {
        return status::broken;
    }
    starved_ = false;
    if (const bool little = input.size() <= read_ahead; little != reads_ahead_) {
        reads_ahead_ = little;
        SSL_set_read_ahead(ssl_.get(), little ? 1 : 0);
    }
    while (count < room.size()) {
        std::size_t some = 0;
        if (SSL_read_ex(ssl_.get(), room.data() + count, room.size() - count, &some) != 1) {
            return stopped();
        }
        count += some;
        if (input.empty() && SSL_has_pending(ssl_.get()) == 0) {
            return status::starved;  // without asking OpenSSL for the same answer
        }
    }
    return status::ready;
}

tls_engine::status tls_engine::look()
{
    if (why_) {
        return status::broken;
    }
    starved_ = false;
    std::byte first{};
    std::size_t count = 0;
    return SSL_peek_ex(ssl_.get(), &first, 1, &count) == 1 ? status::ready : stopped();
}

/// OpenSSL did not go on. That it waits for input is known from its last question; SSL_want_read still
/// says after a fatal alert what it wanted before, and others may have left something in the queue of
/// errors, which is not looked at for each message.
tls_engine::status tls_engine::stopped()
{
    if (out_of_memory_) {
        return broken(make_error_code(boost::system::errc::not_enough_memory));
    }
    if (flooded_) {
        return broken(error::limit_reached);
    }
    if (starved_) {
        return status::starved;
    }
    const bool failed = established_ ? SSL_in_init(ssl_.get()) != 0 : ERR_peek_error() != 0;
    const bool shut = (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    return shut && !failed ? status::ended : broken(failure());
}

/// What would be a failed handshake before is a broken record afterwards. Only of certificates a peer
/// may hear later: with TLS 1.3 a client has shaken hands before the server looks at its.
error_code tls_engine::failure() const noexcept
{
    if (!established_) {
        return tls_failure_of(ssl_.get());
    }
    const error_code why = tls_failure_behind_others(ssl_.get());
    const bool of_handshakes = why == error::handshake_failed || why == error::protocol_too_old ||
                               why == error::no_common_cipher;
    return of_handshakes ? make_error_code(error::malformed_record) : why;
}

tls_engine::status tls_engine::broken(const error_code& why) noexcept
{
    why_ = why;
    return status::broken;
}

std::size_t tls_engine::record_size() const noexcept
{
    return sent_in_a_row_ < small_records_for ? small_record : largest_record;
}

bool tls_engine::put(bytes plain)
{
    std::size_t written = 0;
    if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) != 1) {
        broken(out_of_memory_ ? make_error_code(boost::system::errc::not_enough_memory)
                              : failure());
        return false;
    }
    sent_in_a_row_ += plain.size();
    return true;
}

bool tls_engine::put_last(bytes plain, outlet* to)
{
    direct_ = to;
    const bool went = put(plain);
    direct_ = nullptr;
    return went;
}

std::size_t tls_engine::encrypt(std::span<const bytes> pieces, std::size_t skip, std::size_t most,
                                outlet* last)
{
    tls_plain plain(pieces, skip);
    std::size_t left = std::min(plain.size(), most);
    if (why_ || left == 0) {
        return 0;
    }
    if (pieces.size() == 1 && left <= record_size()) {
        return put_last(plain.take(left), last) ? left : 0;
    }
    if (left > 2 * largest_record) {  // all but the last, which mostly leaves from where it is
        const std::size_t records = left / record_size() + pieces.size();
        output.reserve(left - largest_record + records * record_overhead);
    }
    const std::size_t all = left;
    std::array<std::byte, worth_no_copy> together;
    while (left != 0) {
        const bytes record = next_record(plain, left, together);
        if (!(record.size() == left ? put_last(record, last) : put(record))) {
            return 0;
        }
        left -= record.size();
    }
    return all;
}

/// As long as what is in one piece, unless that is little: then it shares a record with what follows.
bytes tls_engine::next_record(tls_plain& from, std::size_t left, std::span<std::byte> together)
{
    const std::size_t wanted = std::min(left, record_size());
    const std::size_t enough = std::min(wanted, together.size());
    const bytes whole = from.take(wanted);
    if (whole.size() >= enough) {
        return whole;
    }
    std::size_t gathered = 0;
    for (bytes part = whole;; part = from.take(enough - gathered)) {
        std::memcpy(together.data() + gathered, part.data(), part.size());
        gathered += part.size();
        if (gathered == enough) {
            return together.first(gathered);
        }
    }
}

void tls_engine::close_notify() noexcept
{
    if (established_ && !why_) {
        forget_errors();
        (void)SSL_shutdown(ssl_.get());
    }
}

void tls_engine::keep_buffers() noexcept
{
    SSL_clear_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS);
}

void tls_engine::release_buffers() noexcept
{
    SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS);
    shrink_input();
    (void)SSL_free_buffers(ssl_.get());
}

/// What was read and not decrypted goes into a buffer that is no larger than it takes.
void tls_engine::shrink_input() noexcept
try {
    if (input.size() >= input.capacity() / 2) {
        return;
    }
    receive_buffer smaller;
    for (bytes rest = input.data(); !rest.empty();) {
        const mutable_bytes room = smaller.prepare(rest.size());
        const std::size_t part = std::min(rest.size(), room.size());
        std::memcpy(room.data(), rest.data(), part);
        smaller.commit(part);
        rest = rest.subspan(part);
    }
    if (smaller.capacity() < input.capacity()) {
        input = std::move(smaller);
    }
} catch (const std::bad_alloc&) {  // then it stays as it is
}

}  // namespace libnet::detail
