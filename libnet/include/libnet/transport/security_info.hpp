#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace libnet {

/// Whom a certificate names. Only of one that was verified: by an authority that is trusted here, or
/// because it is pinned. The names are as they are in it, for comparing: whoever shows them to people
/// should expect control characters in those that the peer has chosen itself.
struct certificate_identity {
    std::string subject;      ///< "O=Example,CN=alice"
    std::string common_name;  ///< "alice"
    std::string issuer;       ///< "CN=Example Root"
    std::vector<std::string>
        dns_names;                    ///< of the subject's alternative names; a wildcard as it is
    std::vector<std::string> uris;    ///< "spiffe://example.org/billing"
    std::vector<std::string> emails;  ///< "billing@example.org"
    std::string fingerprint;          ///< SHA-256 of the certificate, 64 lowercase digits
    std::chrono::system_clock::time_point expires;  ///< the end of its validity
};

/// What protects a stream.
struct security_info {
    std::string protocol;              ///< "TLSv1.3"
    std::string cipher;                ///< "TLS_AES_256_GCM_SHA384"
    std::string application_protocol;  ///< what ALPN agreed on; empty: nothing
    std::string server_name;           ///< SNI: what the client asked for
    bool resumed = false;              ///< an earlier session went on, without certificates

    /// The peer's, if it showed one that was verified.
    std::optional<certificate_identity> peer;
};

}  // namespace libnet
