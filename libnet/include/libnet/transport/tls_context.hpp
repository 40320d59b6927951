#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/error.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/core/time.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/transport/endpoint.hpp>
#include <libnet/transport/stream.hpp>
#include <libnet/transport/tls_certificate.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace libnet {

/// A handshake that failed, for logs: with more than an error code can say.
struct tls_failure {
    std::string peer;         ///< "127.0.0.1:50412"
    std::string server_name;  ///< what the client asked for, if it came to that
    error_code why;           ///< what it failed with
    std::string
        text;  ///< "the peer's certificate has expired: CN=example.org, ... valid until ..."
};

/// Older ones are broken and not to be had.
enum class tls_version : unsigned char { v1_2, v1_3 };

/// What servers and clients have in common. The defaults are safe.
struct tls_options {
    /// The oldest version that is accepted. Older ones than 1.2 cannot be (RFC 8996).
    tls_version oldest = tls_version::v1_2;

    /// Application protocols, the best first: {"h2", "http/1.1"}. A server that has some refuses a
    /// client that offers only others (RFC 7301), and takes one that offers none.
    std::vector<std::string> application_protocols{};

    /// From the connected transport to the end of the handshake.
    duration handshake_timeout = std::chrono::seconds(10);

    /// How long a closing connection waits for the peer's close_notify.
    duration close_timeout = std::chrono::seconds(1);

    /// Writes the secrets of every connection to this file, for Wireshark: whoever reads it reads
    /// everything, so one that other users may read is refused. For debugging only, off unless set.
    std::string key_log{};

    /// A handshake failed. Called on the loop's thread.
    std::function<void(const tls_failure&)> on_failure = nullptr;
};

/// What a server shows, and what it wants to see of clients.
struct tls_server_options : tls_options {
    /// The first is shown to clients that ask for no name, or for one that no other has.
    std::vector<tls_certificate> certificates{};

    /// Whether clients show a certificate (mutual TLS).
    enum class clients : unsigned char {
        anonymous,  ///< they are not asked
        may_show,   ///< one that is shown must be valid
        must_show,  ///< those without one are refused
    };
    clients client_certificates = clients::anonymous;  ///< whether clients show certificates

    /// Who has signed them: the path of a PEM file, or PEM text. Needed unless they are anonymous.
    std::string client_authorities{};

    /// Clients that come back within two hours need no second full handshake, until a day after
    /// their last one, or the end of the certificate that they have shown there. The keys for that are
    /// in memory only and change every hour. With TLS 1.3 each resumption gives a ticket for the next.
    bool resumption = true;

    /// New handshakes that are begun a second; those above it wait, as long as the deadline allows.
    /// Signatures cost a server most of all, and connections that are open would starve.
    std::size_t handshakes_per_second = 1000;
};

/// Whom a client believes, and what it shows.
struct tls_client_options : tls_options {
    /// Whom the server's certificate must name, and SNI. Empty: the host that is connected to.
    std::string server_name{};

    /// Who may have signed the server's certificate: the path of a PEM file, or PEM text. Empty:
    /// whom the system trusts.
    std::string authorities{};

    /// SHA-256 of certificates, as `openssl x509 -fingerprint -sha256` prints them, with or without
    /// colons. Where there are some, the server has to show one of these; unless `authorities` are
    /// given too, that is enough.
    std::vector<std::string> pinned{};

    /// Our own, for servers that ask for one.
    tls_certificate certificate{};

    /// Sessions of servers are kept, up to four each, and go on for all connections of this context,
    /// until a day after the full handshake, or the end of the certificate that was shown there. With
    /// TLS 1.3 each is used once (RFC 8446, C.4).
    bool resumption = true;

    /// Takes every certificate. Whoever is on the way reads and changes everything. Not together
    /// with `pinned`.
    bool insecure = false;
};

/// TLS 1.2 and 1.3 for any number of connections: certificates, trust, and what is remembered
/// between connections. Give it to a server or a client as the layer over its transport:
///
///     server_options options;
///     options.layer = tls_context::server({.certificates = {{"server.pem", "server.key"}}});
///
/// Old versions, weak ciphers, compression, renegotiation and early data are off. A client verifies
/// certificate and host name.
///
/// Copies are the same context. Threads  any.
class LIBNET_ASIO_TLS_DECL tls_context {
public:
    /// Reads all files at once.
    ///
    /// Errors   throws boost::system::system_error whose text names the file and what is wrong: it
    ///          cannot be read, is no certificate, has expired, the key is another one's.
    static tls_context server(tls_server_options options);
    static tls_context client(tls_client_options options = {});

    /// The layer: shakes hands over `below`, by the deadline, and answers the stream of what is
    /// encrypted. `where` as in stream_layer: the host that a client verifies.
    ///
    /// Errors   handshake_timeout, condition::bad_certificate, plain_text, plain_http,
    ///          protocol_too_old, no_common_cipher, no_common_protocol, malformed_record,
    ///          handshake_aborted, handshake_failed. The peer has been told, as far as TLS can.
    /// Cancel   safe; the transport is closed.
    task<std::unique_ptr<stream>> operator()(std::unique_ptr<stream> below, endpoint where) const;

    /// Reads the files anew; connections from now on have what is in them. Nothing changes if they
    /// are not good: throws as server() does.
    void reload();

    /// The same with other certificates, of a server, or our one, of a client.
    void reload(std::vector<tls_certificate> certificates);

    class state;

private:
    explicit tls_context(std::shared_ptr<state> s) noexcept;

    std::shared_ptr<state> state_;
};

}  // namespace libnet
