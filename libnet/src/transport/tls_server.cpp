#include "tls_attached.hpp"
#include "tls_certificates.hpp"
#include "tls_failure.hpp"
#include "tls_setup.hpp"
#include "tls_state.hpp"
#include "tls_tickets.hpp"

#include <libnet/policy/admission.hpp>
#include <libnet/runtime/timer.hpp>

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <openssl/evp.h>
#include <openssl/ocsp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <new>
#include <utility>

/// A server's side: certificates by name, client certificates, tickets.
namespace libnet::detail {
namespace {

constexpr std::size_t handshakes_at_once = 100;

class server_snapshot final : public tls_context::state::snapshot {
public:
    server_snapshot(const tls_server_options& options,
                    const std::vector<tls_certificate>& certificates,
                    const std::shared_ptr<tls_tickets>& tickets,
                    const std::shared_ptr<tls_key_log>& key_log)
        : protocols_(wire_form(options.application_protocols))
    {
        if (certificates.empty()) {
            refuse_setup("a TLS server needs a certificate: tls_server_options::certificates");
        }
        for (const tls_certificate& certificate : certificates) {
            contexts_.push_back(make(options, certificate));
            SSL_CTX* const context = contexts_.back().get();
            if (options.resumption) {
                tls_tickets::serve(context, tickets);
            }
            if (key_log) {
                tls_key_log::serve(context, key_log);
            }
            for (std::string& name : dns_names_of(SSL_CTX_get0_certificate(context))) {
                by_name_.emplace(std::move(name), context);
            }
        }
    }

    tls_connection_handle begin(const endpoint&, time_point) const override
    {
        tls_connection_handle ssl = make_connection(contexts_.front().get(), SSL_set_accept_state);
        tls_attached<const server_snapshot>::set(ssl.get(), this);
        return ssl;
    }

private:
    tls_context_handle make(const tls_server_options& options, const tls_certificate& certificate)
    {
        tls_context_handle made = make_context(TLS_server_method(), options);
        SSL_CTX* const context = made.get();
        use_certificate(context, certificate);
        SSL_CTX_set_tlsext_servername_callback(context, by_server_name);
        if (!protocols_.empty()) {
            SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
        }
        if (options.client_certificates != tls_server_options::clients::anonymous) {
            ask_for_certificates(context, options);
        }
        if (!options.resumption) {
            SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
            SSL_CTX_set_num_tickets(context, 0);
        }
        if (!certificate.ocsp_response.empty()) {
            auto staple = std::make_unique<std::string>(
                read_file(certificate.ocsp_response, "the OCSP response"));
            check_staple(*staple, certificate.ocsp_response);
            tls_owned<std::string>::give(context, std::move(staple));
            SSL_CTX_set_tlsext_status_cb(context, give_staple);
        }
        return made;
    }

    static void ask_for_certificates(SSL_CTX* context, const tls_server_options& options)
    {
        if (options.client_authorities.empty()) {
            refuse_setup("client certificates are asked for, but nobody is trusted to have signed "
                         "them: tls_server_options::client_authorities");
        }
        trust(context, options.client_authorities, "the client authorities");
        for (const auto& authority :
             read_certificates(options.client_authorities, "the client authorities")) {
            SSL_CTX_add_client_CA(context, authority.get());
        }
        const bool required = options.client_certificates == tls_server_options::clients::must_show;
        SSL_CTX_set_verify(context,
                           SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                           note_refusal);
        // A session is good only where the same clients are asked in the same way: after a reload with
        // other authorities nobody goes on with what the former ones have signed.
        std::string whom = required ? "r" : "o";
        for (const auto& authority :
             read_certificates(options.client_authorities, "the client authorities")) {
            whom += fingerprint_of(authority.get());
        }
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned size = 0;
        EVP_Digest(whom.data(), whom.size(), digest.data(), &size, EVP_sha256(), nullptr);
        SSL_CTX_set_session_id_context(context, digest.data(), std::min(size, 32U));
    }

    static void check_staple(const std::string& der, const std::string& path)
    {
        const auto* data = reinterpret_cast<const unsigned char*>(der.data());
        OCSP_RESPONSE* const response =
            d2i_OCSP_RESPONSE(nullptr, &data, static_cast<long>(der.size()));
        const bool good = response != nullptr &&
                          OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL;
        OCSP_RESPONSE_free(response);
        if (!good) {
            refuse_setup("the OCSP response in " + path +
                         " cannot be used: it is damaged, or says that "
                         "the responder could not answer");
        }
    }

    // ---- what OpenSSL calls ---------------------------------------------------------------------

    static int by_server_name(SSL* ssl, int*, void*)
    try {
        const char* const asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        const auto* const self = tls_attached<const server_snapshot>::get(ssl);
        if (asked != nullptr && self != nullptr) {
            SSL_set_SSL_CTX(ssl, self->context_for(asked));
        }
        return SSL_TLSEXT_ERR_OK;
    } catch (const std::bad_alloc&) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }

    SSL_CTX* context_for(std::string name) const
    {
        for (char& c : name) {
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
        if (const auto exact = by_name_.find(name); exact != by_name_.end()) {
            return exact->second;
        }
        if (const std::size_t dot = name.find('.'); dot != std::string::npos) {
            name.replace(0, dot, 1, '*');
            if (const auto wild = by_name_.find(name); wild != by_name_.end()) {
                return wild->second;
            }
        }
        return contexts_.front().get();
    }

    static int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                               const unsigned char* offered, unsigned offered_size, void*)
    {
        const auto* const self = tls_attached<const server_snapshot>::get(ssl);
        unsigned char* found = nullptr;
        const int outcome = SSL_select_next_proto(
            &found, size, reinterpret_cast<const unsigned char*>(self->protocols_.data()),
            static_cast<unsigned>(self->protocols_.size()), offered, offered_size);
        *chosen = found;
        return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    }

    static int give_staple(SSL* ssl, void*)
    {
        const std::string& staple = *tls_owned<std::string>::get(SSL_get_SSL_CTX(ssl));
        auto* const copy =
            static_cast<unsigned char*>(OPENSSL_memdup(staple.data(), staple.size()));
        if (copy == nullptr) {
            return SSL_TLSEXT_ERR_NOACK;
        }
        SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(staple.size()));
        return SSL_TLSEXT_ERR_OK;
    }

    std::string protocols_;
    std::vector<tls_context_handle> contexts_;
    std::map<std::string, SSL_CTX*, std::less<>> by_name_;  // the first certificate of a name
};

class server_state final : public tls_context::state {
public:
    explicit server_state(tls_server_options options)
        : state(true),
          options_(std::move(options)),
          tickets_(std::make_shared<tls_tickets>()),
          key_log_(options_.key_log.empty() ? nullptr
                                            : std::make_shared<tls_key_log>(options_.key_log)),
          turns_(std::min<std::size_t>(options_.handshakes_per_second, 1'000'000'000),
                 handshakes_at_once),
          between_turns_(duration(std::chrono::seconds(1)) /
                         std::clamp<long>(static_cast<long>(options_.handshakes_per_second), 1,
                                          1'000'000'000)),
          bounded_(options_.handshakes_per_second != no_limit)
    {
    }

    const tls_options& options() const noexcept override { return options_; }

    /// Those who wait wake up one by one, each when it is its turn, in the order in which they came.
    task<> admit() override
    {
        if (!bounded_) {
            co_return;
        }
        loop& home = co_await this_loop();
        const waiting_one here(waiting_);
        for (bool has_waited = false;; has_waited = true) {
            time_point when;
            {
                const std::lock_guard lock(turns_mutex_);
                const time_point now = home.now();
                const std::size_t waiting = waiting_;
                if ((has_waited || waiting == 1) && turns_.take(now)) {
                    co_return;
                }
                // Not later than if all who wait were still to come: some have left.
                const time_point latest = add(now, between_turns_ * static_cast<long>(waiting));
                last_turn_ = std::clamp(add(last_turn_, between_turns_), now, latest);
                when = std::max(last_turn_, turns_.when_next(now));
            }
            co_await checked(sleep_until(when));
        }
    }

private:
    class waiting_one {
    public:
        explicit waiting_one(std::atomic<std::size_t>& count) noexcept : count_(count) { ++count_; }
        waiting_one(const waiting_one&) = delete;
        waiting_one& operator=(const waiting_one&) = delete;
        ~waiting_one() { --count_; }

    private:
        std::atomic<std::size_t>& count_;
    };

    std::shared_ptr<const snapshot> read(const std::vector<tls_certificate>* other) override
    {
        auto made = std::make_shared<const server_snapshot>(
            options_, other != nullptr ? *other : options_.certificates, tickets_, key_log_);
        if (other != nullptr) {
            options_.certificates = *other;
        }
        return made;
    }

    tls_server_options options_;
    std::shared_ptr<tls_tickets> tickets_;
    std::shared_ptr<tls_key_log> key_log_;
    std::mutex turns_mutex_;
    token_bucket turns_;
    const duration between_turns_;
    time_point last_turn_{};
    std::atomic<std::size_t> waiting_ = 0;
    const bool bounded_;
};

}  // namespace

std::shared_ptr<tls_context::state> make_server_state(tls_server_options options)
{
    return std::make_shared<server_state>(std::move(options));
}

}  // namespace libnet::detail
