#include "tls_setup.hpp"

#include "last_error.hpp"
#include "tls_attached.hpp"
#include "tls_certificates.hpp"
#include "tls_failure.hpp"
#include "tls_state.hpp"

#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <new>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace libnet::detail {
namespace {

// Of TLS 1.2: forward secrecy and authenticated encryption only (RFC 9325, 4.2). Those of 1.3 are all
// of that kind.
constexpr const char* ciphers_of_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";

// Elliptic curves only: a client that asks for a finite field of 8,192 bits lets a server calculate
// for milliseconds and calculates nothing itself. The first list that is known counts: with hybrids
// against quantum computers (OpenSSL 3.5), without, and what is approved (FIPS).
constexpr std::array<const char*, 3> groups{
    "?*X25519MLKEM768 / ?*X25519:?secp256r1 / ?X448:?secp384r1:?secp521r1",
    "X25519:P-256:X448:P-384:P-521", "P-256:P-384:P-521"};

// Keys and signatures that are worth 112 bits, whatever the system thinks enough.
constexpr int least_security = 2;

}  // namespace

// ---- the key log --------------------------------------------------------------------------------

tls_key_log::tls_key_log(const std::string& path)
{
    // For nobody else to read, also if it was there before.
    const int descriptor =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
    struct stat status {};
    if (descriptor >= 0 && ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
        (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        ::close(descriptor);
        refuse_setup("the key log '" + path + "' is open to other users: chmod 600 '" + path + "'");
    }
    file_ = descriptor >= 0 ? ::fdopen(descriptor, "a") : nullptr;
    if (file_ == nullptr) {
        throw boost::system::system_error(last_error(), "cannot write the key log '" + path + "'");
    }
}

tls_key_log::~tls_key_log()
{
    std::fclose(file_);
}

void tls_key_log::serve(SSL_CTX* context, std::shared_ptr<tls_key_log> log)
{
    using shared = std::shared_ptr<tls_key_log>;
    tls_owned<shared>::give(context, std::make_unique<shared>(std::move(log)));
    SSL_CTX_set_keylog_callback(context, [](const SSL* ssl, const char* line) {
        const auto& self = *tls_owned<std::shared_ptr<tls_key_log>>::get(SSL_get_SSL_CTX(ssl));
        const std::lock_guard lock(self->mutex_);
        std::fprintf(self->file_, "%s\n", line);
        std::fflush(self->file_);
    });
}

// ---- contexts -----------------------------------------------------------------------------------

tls_context_handle make_context(const SSL_METHOD* method, const tls_options& options)
{
    ERR_clear_error();
    tls_context_handle made(SSL_CTX_new(method));
    if (!made) {
        throw std::bad_alloc();
    }
    SSL_CTX* const context = made.get();
    const int oldest = options.oldest == tls_version::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_min_proto_version(context, oldest);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    if (SSL_CTX_set_cipher_list(context, ciphers_of_1_2) != 1) {
        refuse_setup("OpenSSL refuses its own ciphers: " + tls_reason());
    }
    SSL_CTX_set_security_level(context,
                               std::max(SSL_CTX_get_security_level(context), least_security));
    if (std::none_of(groups.begin(), groups.end(), [&](const char* list) {
            return SSL_CTX_set1_groups_list(context, list) == 1;
        })) {
        refuse_setup("OpenSSL knows no elliptic curve: " + tls_reason());
    }
    ERR_clear_error();
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return made;
}

// Since OpenSSL 3.2 choosing a side makes the records anew. Where there is no memory for them it answers
// nothing, and what reads or writes them later would be a null pointer.
tls_connection_handle make_connection(SSL_CTX* context, void (*choose_side)(SSL*))
{
    tls_connection_handle ssl(SSL_new(context));
    if (!ssl) {
        throw std::bad_alloc();
    }
    ERR_clear_error();
    choose_side(ssl.get());
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
        throw std::bad_alloc();
    }
    return ssl;
}

void use_certificate(SSL_CTX* context, const tls_certificate& certificate)
{
    const auto chain = read_certificates(certificate.chain, "the certificate");
    const std::string& key_source = certificate.key.empty() ? certificate.chain : certificate.key;
    const tls_key_handle key = read_key(key_source, certificate.passphrase);
    X509* const own = chain.front().get();
    ERR_clear_error();
    if (X509_check_private_key(own, key.get()) != 1) {
        ERR_clear_error();
        const bool is_for_another =
            std::any_of(chain.begin(), chain.end(), [&](const tls_certificate_handle& link) {
                return X509_check_private_key(link.get(), key.get()) == 1;
            });
        ERR_clear_error();
        refuse_setup("the private key in " + name_of_pem(key_source) +
                     " does not belong to the certificate in " + name_of_pem(certificate.chain) +
                     " (" + describe_certificate(own) + ")" +
                     (is_for_another ? "; the one that it belongs to has to come first" : ""));
    }
    for (const auto& link : chain) {
        if (X509_cmp_current_time(X509_get0_notAfter(link.get())) < 0) {
            const char* const which = link.get() == own ? "the" : "an intermediate";
            refuse_setup(std::string(which) + " certificate in " + name_of_pem(certificate.chain) +
                         " has expired: " + describe_certificate(link.get()));
        }
    }
    if (SSL_CTX_use_certificate(context, own) != 1 ||
        SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
        refuse_setup("the certificate in " + name_of_pem(certificate.chain) +
                     " cannot be used: " + tls_reason());
    }
    for (std::size_t i = 1; i < chain.size(); ++i) {
        if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) {
            refuse_setup("the certificate chain in " + name_of_pem(certificate.chain) +
                         " cannot be used: " + tls_reason());
        }
    }
}

void trust(SSL_CTX* context, const std::string& pem, std::string_view what)
{
    X509_STORE* const store = SSL_CTX_get_cert_store(context);
    for (const auto& authority : read_certificates(pem, what)) {
        if (X509_STORE_add_cert(store, authority.get()) != 1) {
            refuse_setup(std::string(what) + " in " + name_of_pem(pem) +
                         " cannot be used: " + tls_reason());
        }
    }
}

int note_refusal(int accepted, X509_STORE_CTX* chain)
try {
    if (accepted == 1) {
        return 1;
    }
    const auto* const ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    if (tls_note* const note = tls_attached<tls_note>::get(ssl)) {
        X509* const shown = X509_STORE_CTX_get_current_cert(chain);
        note->certificate = shown != nullptr ? describe_certificate(shown) : std::string();
        note->reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(chain));
    }
    return 0;
} catch (const std::bad_alloc&) {  // not through OpenSSL's C
    return 0;
}

std::string wire_form(const std::vector<std::string>& protocols)
{
    std::string wire;
    for (const std::string& name : protocols) {
        if (name.empty() || name.size() > 255) {
            refuse_setup("'" + name + "' is no application protocol: 1 to 255 bytes");
        }
        wire += static_cast<char>(name.size());
        wire += name;
    }
    return wire;
}

}  // namespace libnet::detail
