#pragma once

/// TLS over a socket with OpenSSL and nothing else, as cheap as we know how: the raw server has it,
/// and the loads, which must not be what is measured.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

namespace bench {

/// The read-ahead of a connection: so much comes in with one system call.
inline constexpr std::size_t read_at_once = 64 * 1024;

[[noreturn]] inline void die_of_tls(const char* what)
{
    std::fprintf(stderr, "%s: ", what);
    ERR_print_errors_fp(stderr);
    std::exit(1);
}

/// A context that reads ahead.
inline SSL_CTX* make_tls_context(const SSL_METHOD* method)
{
    SSL_CTX* const context = SSL_CTX_new(method);
    if (context == nullptr) {
        die_of_tls("SSL_CTX_new");
    }
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, read_at_once);
    return context;
}

/// A connection: OpenSSL reads from the socket straight into its read-ahead. What it writes is
/// gathered and leaves in one system call, the last record of it without being copied. OpenSSL's own
/// BIO of a socket would ask once more for input after each read, and send each record alone.
///
/// For edge-triggered epoll: on readable(), read() until it answers 0, flush().
class raw_tls {
public:
    enum class status : unsigned char { done, waits, over };

    raw_tls(SSL_CTX* context, int descriptor) : ssl_(SSL_new(context)), descriptor_(descriptor)
    {
        BIO* const both = BIO_new(method());
        if (ssl_ == nullptr || both == nullptr) {
            die_of_tls("SSL_new");
        }
        BIO_set_data(both, this);
        BIO_set_init(both, 1);
        SSL_set_bio(ssl_, both, both);
    }
    raw_tls(const raw_tls&) = delete;
    raw_tls& operator=(const raw_tls&) = delete;
    ~raw_tls()
    {
        SSL_free(ssl_);
        ::close(descriptor_);
    }

    SSL* ssl() const { return ssl_; }
    int descriptor() const { return descriptor_; }
    bool established() const { return established_; }

    /// There may be more in the socket than was read last.
    void readable() { socket_is_dry_ = false; }

    /// What it has to say leaves with what is written next, or with flush().
    status handshake()
    {
        const int outcome = SSL_do_handshake(ssl_);
        established_ = outcome == 1;
        if (established_) {
            return status::done;
        }
        return SSL_get_error(ssl_, outcome) == SSL_ERROR_WANT_READ ? status::waits : status::over;
    }

    /// Decrypts until there is no more, or no more room.
    status read(char* to, std::size_t room, std::size_t& count)
    {
        count = 0;
        while (count < room) {
            if (socket_is_dry_ && SSL_has_pending(ssl_) == 0) {
                return status::waits;
            }
            std::size_t some = 0;
            const int outcome = SSL_read_ex(ssl_, to + count, room - count, &some);
            if (outcome != 1) {
                const bool starved = SSL_get_error(ssl_, outcome) == SSL_ERROR_WANT_READ;
                return starved ? status::waits : status::over;
            }
            count += some;
        }
        return status::done;
    }

    bool write(const char* from, std::size_t size)
    {
        std::size_t written = 0;
        records_to_come_ =
            (size + SSL3_RT_MAX_PLAIN_LENGTH - 1) / std::size_t{SSL3_RT_MAX_PLAIN_LENGTH};
        const bool good = SSL_write_ex(ssl_, from, size, &written) == 1;
        records_to_come_ = 0;
        return good && !failed_;
    }

    /// Sends what the socket has not taken yet. False if it is done for.
    bool flush()
    {
        if (!gathered().empty()) {
            send_with(nullptr, 0);
        }
        std::size_t sent = 0;
        while (sent < unsent_.size() && !failed_) {
            const ssize_t n = ::send(descriptor_, unsent_.data() + sent, unsent_.size() - sent,
                                     MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n < 0) {
                failed_ = errno != EAGAIN;
                break;
            }
            sent += static_cast<std::size_t>(n);
        }
        if (sent != 0) {
            unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent));
            if (unsent_.empty()) {
                unsent_ = {};
            }
        }
        return !failed_;
    }

    /// Answers the peer's end, or says ours.
    bool close_notify()
    {
        (void)SSL_shutdown(ssl_);
        return flush();
    }

private:
    /// Records that wait for those behind them. Of whichever connection is at work: it flushes before
    /// another one is.
    static std::vector<char>& gathered()
    {
        static std::vector<char> records;
        return records;
    }

    void send_with(const char* last, std::size_t size)
    {
        std::vector<char>& first = gathered();
        std::size_t sent = 0;
        if (unsent_.empty()) {
            iovec parts[2] = {{first.data(), first.size()}, {const_cast<char*>(last), size}};
            msghdr message{};
            message.msg_iov = parts;
            message.msg_iovlen = 2;
            const ssize_t n = first.empty()
                                  ? ::send(descriptor_, last, size, MSG_NOSIGNAL | MSG_DONTWAIT)
                                  : ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
            failed_ = n < 0 && errno != EAGAIN;
            sent = n < 0 ? 0 : static_cast<std::size_t>(n);
        }
        if (sent != first.size() + size) {
            const std::size_t of_first = std::min(sent, first.size());
            unsent_.insert(unsent_.end(), first.data() + of_first, first.data() + first.size());
            unsent_.insert(unsent_.end(), last + (sent - of_first), last + size);
        }
        first.clear();
    }

    static int read_socket(BIO* bio, char* to, std::size_t room, std::size_t* count)
    {
        auto& self = *static_cast<raw_tls*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        if (!self.socket_is_dry_) {
            const ssize_t n = ::recv(self.descriptor_, to, room, MSG_DONTWAIT);
            if (n > 0) {
                *count = static_cast<std::size_t>(n);
                self.socket_is_dry_ = *count < room;
                return 1;
            }
            if (n == 0 || errno != EAGAIN) {
                return 0;
            }
            self.socket_is_dry_ = true;
        }
        BIO_set_retry_read(bio);
        return 0;
    }

    static int write_socket(BIO* bio, const char* from, std::size_t size, std::size_t* count)
    {
        auto& self = *static_cast<raw_tls*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        *count = size;
        if (self.records_to_come_ == 1) {
            self.send_with(from, size);
        } else {
            gathered().insert(gathered().end(), from, from + size);
        }
        self.records_to_come_ -= self.records_to_come_ != 0 ? 1 : 0;
        return 1;
    }

    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH; }

    static const BIO_METHOD* method()
    {
        static const BIO_METHOD* const made = [] {
            BIO_METHOD* const m =
                BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gathering socket");
            BIO_meth_set_read_ex(m, read_socket);
            BIO_meth_set_write_ex(m, write_socket);
            BIO_meth_set_ctrl(m, control);
            return m;
        }();
        return made;
    }

    SSL* ssl_;
    int descriptor_;
    bool established_ = false;
    bool socket_is_dry_ = false;
    bool failed_ = false;
    std::size_t records_to_come_ = 0;
    std::vector<char> unsent_;
};

}  // namespace bench
