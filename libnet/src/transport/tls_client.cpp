#include "tls_attached.hpp"
#include "tls_certificates.hpp"
#include "tls_failure.hpp"
#include "tls_session_cache.hpp"
#include "tls_setup.hpp"
#include "tls_state.hpp"

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <new>
#include <utility>

/// A client's side: whom it trusts, whom it expects, and sessions that go on.
namespace libnet::detail {
namespace {

constexpr std::size_t longest_name = TLSEXT_MAXLEN_host_name;

/// "AB:CD:..." or "abcd...": 64 lowercase digits.
std::string plain_fingerprint(const std::string& text)
{
    std::string digits;
    for (const char c : text) {
        if (c >= 'A' && c <= 'F') {
            digits += static_cast<char>(c - 'A' + 'a');
        } else if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) {
            digits += c;
        } else if (c != ':') {
            digits.clear();
            break;
        }
    }
    if (digits.size() != 64) {
        refuse_setup("'" + text +
                     "' is no SHA-256 fingerprint: 64 hexadecimal digits, as "
                     "openssl x509 -noout -fingerprint -sha256 prints them");
    }
    return digits;
}

bool is_address(const std::string& host)
{
    ASN1_OCTET_STRING* const address = a2i_IPADDRESS(host.c_str());
    ASN1_OCTET_STRING_free(address);
    ERR_clear_error();
    return address != nullptr;
}

/// Whom a certificate can name: a host without the dot that makes it absolute, an address without the
/// zone, which is one of our own interfaces.
std::string name_to_verify(const std::string& host)
{
    const std::string without_zone = host.substr(0, host.find('%'));
    if (is_address(without_zone)) {
        return without_zone;
    }
    return host.size() > 1 && host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

/// How long the server keeps a ticket; sessions without one, of TLS 1.2, end with the server's refusal.
duration announced_lifetime(const SSL_SESSION* session)
{
    const unsigned long hint = SSL_SESSION_get_ticket_lifetime_hint(session);
    const bool is_announced =
        hint != 0 || SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION;
    return is_announced ? std::chrono::seconds(static_cast<long>(hint)) : never;
}

/// Where the sessions of a connection go.
struct kept_sessions {
    std::shared_ptr<tls_session_cache> in;
    std::string server;
    time_point began;
    time_point verified_until;  // of the session that goes on
};

class client_snapshot final : public tls_context::state::snapshot {
public:
    client_snapshot(const tls_client_options& options, std::shared_ptr<tls_session_cache> sessions,
                    const std::shared_ptr<tls_key_log>& key_log)
        : sessions_(std::move(sessions)),
          server_name_(options.server_name),
          protocols_(wire_form(options.application_protocols)),
          verifies_(!options.insecure)
    {
        if (server_name_.size() > longest_name) {
            refuse_setup("'" + server_name_ + "' is longer than a host name can be");
        }
        if (options.insecure && !options.pinned.empty()) {
            refuse_setup("an insecure client takes every certificate: pinned ones contradict that");
        }
        for (const std::string& pin : options.pinned) {
            pinned_.push_back(plain_fingerprint(pin));
        }
        only_pins_ = !pinned_.empty() && options.authorities.empty();
        context_ = make_context(TLS_client_method(), options);
        SSL_CTX* const context = context_.get();
        if (!options.certificate.chain.empty()) {
            use_certificate(context, options.certificate);
        }
        if (verifies_) {
            verify(context, options);
        }
        if (!protocols_.empty()) {
            // Here 0 is success.
            SSL_CTX_set_alpn_protos(context,
                                    reinterpret_cast<const unsigned char*>(protocols_.data()),
                                    static_cast<unsigned>(protocols_.size()));
        }
        if (options.resumption) {
            SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT |
                                                        SSL_SESS_CACHE_NO_INTERNAL_STORE);
            SSL_CTX_sess_set_new_cb(context, keep_session);
        } else {
            sessions_.reset();
        }
        if (key_log) {
            tls_key_log::serve(context, key_log);
        }
    }

    tls_connection_handle begin(const endpoint& where, time_point now) const override
    {
        tls_connection_handle ssl = make_connection(context_.get(), SSL_set_connect_state);
        const std::string host = name_to_verify(server_name_.empty() ? where.host : server_name_);
        if (host.size() > longest_name) {
            return nullptr;  // nobody has it
        }
        if (!host.empty()) {
            expect(ssl.get(), host);
        } else if (verifies_ && !only_pins_) {
            refuse_setup("whom must the certificate name? Over a stream that leads to no host, "
                         "tls_client_options::server_name has to say it");
        }
        if (sessions_) {
            go_on(ssl.get(), host + '|' + where.to_string(), now);
        }
        return ssl;
    }

private:
    void verify(SSL_CTX* context, const tls_client_options& options)
    {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note_refusal);
        SSL_CTX_set_cert_verify_callback(context, verify_chain, this);
        if (!options.authorities.empty()) {
            trust(context, options.authorities, "the authorities");
        } else if (!only_pins_ && SSL_CTX_set_default_verify_paths(context) != 1) {
            refuse_setup("whom the system trusts cannot be read: " + tls_reason());
        }
    }

    void expect(SSL* ssl, const std::string& host) const
    {
        const bool address = is_address(host);
        if (!address && SSL_set_tlsext_host_name(ssl, host.c_str()) != 1) {
            throw std::bad_alloc();
        }
        if (!verifies_ || only_pins_) {
            return;
        }
        X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
        X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        const int set = address ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str())
                                : X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size());
        if (set != 1) {
            throw std::bad_alloc();
        }
    }

    /// With an earlier session, and keeps what comes. One belongs to the name that was verified, at
    /// the place where it was.
    void go_on(SSL* ssl, std::string server, time_point now) const
    {
        const tls_kept_session earlier = sessions_->take(server, now);
        if (earlier.session) {
            SSL_set_session(ssl, earlier.session.get());
        }
        tls_owned<kept_sessions>::give(
            ssl, std::make_unique<kept_sessions>(
                     kept_sessions{sessions_, std::move(server), now, earlier.verified_until}));
    }

    // ---- what OpenSSL calls ---------------------------------------------------------------------

    static int verify_chain(X509_STORE_CTX* chain, void* self_given)
    try {
        const auto& self = *static_cast<const client_snapshot*>(self_given);
        if (!self.pinned_.empty()) {
            X509* const shown = X509_STORE_CTX_get0_cert(chain);
            if (shown == nullptr || std::find(self.pinned_.begin(), self.pinned_.end(),
                                              fingerprint_of(shown)) == self.pinned_.end()) {
                X509_STORE_CTX_set_current_cert(chain, shown);
                X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
                return note_refusal(0, chain);
            }
        }
        if (self.only_pins_) {
            X509_STORE_CTX_set_error(chain, X509_V_OK);
            return 1;
        }
        return X509_verify_cert(chain);
    } catch (const std::bad_alloc&) {
        return 0;
    }

    /// OpenSSL hands a session over; 1 takes it.
    static int keep_session(SSL* ssl, SSL_SESSION* session)
    {
        const kept_sessions* const kept = tls_owned<kept_sessions>::get(ssl);
        if (kept == nullptr) {
            return 0;
        }
        try {
            // One begets the next: for all of them the certificate was looked at once.
            const time_point verified_until =
                SSL_session_reused(ssl) == 1
                    ? kept->verified_until
                    : add(kept->began, trusted_for(SSL_get0_peer_certificate(ssl)));
            kept->in->put(kept->server, {tls_session_handle(session), verified_until,
                                         add(kept->began, announced_lifetime(session))});
        } catch (const std::bad_alloc&) {  // then the next handshake is a full one
        }
        return 1;
    }

    tls_context_handle context_;
    std::shared_ptr<tls_session_cache> sessions_;
    std::string server_name_;
    std::string protocols_;
    std::vector<std::string> pinned_;
    bool verifies_;
    bool only_pins_ = false;
};

class client_state final : public tls_context::state {
public:
    explicit client_state(tls_client_options options)
        : state(false),
          options_(std::move(options)),
          key_log_(options_.key_log.empty() ? nullptr
                                            : std::make_shared<tls_key_log>(options_.key_log))
    {
    }

    const tls_options& options() const noexcept override { return options_; }
    task<> admit() override { co_return; }

private:
    /// With other certificates or authorities, what was agreed before does not count.
    std::shared_ptr<const snapshot> read(const std::vector<tls_certificate>* other) override
    {
        if (other != nullptr && other->size() > 1) {
            refuse_setup("a TLS client has one certificate");
        }
        tls_client_options changed = options_;
        if (other != nullptr) {
            changed.certificate = other->empty() ? tls_certificate() : other->front();
        }
        auto made = std::make_shared<const client_snapshot>(
            changed, std::make_shared<tls_session_cache>(), key_log_);
        options_.certificate = std::move(changed.certificate);
        return made;
    }

    tls_client_options options_;
    std::shared_ptr<tls_key_log> key_log_;
};

}  // namespace

std::shared_ptr<tls_context::state> make_client_state(tls_client_options options)
{
    return std::make_shared<client_state>(std::move(options));
}

}  // namespace libnet::detail
