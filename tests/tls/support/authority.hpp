#pragma once

#include <libnet/transport/tls_certificate.hpp>

#include <memory>
#include <string>
#include <vector>

namespace libnet::tests {

/// What a certificate is to say.
struct certificate_request {
    std::string common_name = "localhost";
    std::vector<std::string> names{"DNS:localhost", "IP:127.0.0.1", "IP:::1"};
    int valid_from_days = -1;
    int valid_for_days = 30;
    int valid_for_hours = 0;  // besides
    std::string purpose = "serverAuth,clientAuth";
    unsigned rsa_bits = 0;  // 0: a P-256 key
};

/// An authority of a test's own, which signs whatever it is asked to.
class authority {
public:
    explicit authority(const std::string& name = "Test Root");

    /// One in between, which `above` has signed, and which ends so many days from now.
    authority(const std::string& name, const authority& above, int ends_in_days);
    ~authority();

    /// What clients trust, or what stands between them and it, in PEM.
    const std::string& pem() const noexcept { return pem_; }

    tls_certificate issue(const certificate_request& request = {}) const;

    /// What its OCSP responder says of a certificate: that it is good, as DER.
    std::string vouch_for(const tls_certificate& issued) const;

private:
    struct parts;
    void make(const std::string& name, const parts& signer, int ends_in_days);

    std::unique_ptr<parts> parts_;
    std::string pem_;
};

}  // namespace libnet::tests
