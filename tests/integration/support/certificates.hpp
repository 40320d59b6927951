#pragma once

#include "child_process.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include <stdlib.h>

namespace integration {

/// Certificates that openssl has made, once for this process. The files go with it.
///
///     authority   has signed all the others but one
///     server      for localhost and 127.0.0.1
///     renewed     the same, another time
///     elsewhere   for example.org
///     expired     as `server`, until yesterday
///     alice       a client
///     stranger    a client that signed for itself
///     intruder    another one, whose name has more than one line
class certificates {
public:
    static const certificates& made()
    {
        static const certificates once;
        return once;
    }
    certificates(const certificates&) = delete;
    certificates& operator=(const certificates&) = delete;
    ~certificates()
    {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    /// Empty if all went well.
    const std::string& problem() const noexcept { return problem_; }

    /// For files of tests.
    const std::string& folder() const noexcept { return folder_; }

    std::string chain(const std::string& name) const { return folder_ + "/" + name + ".pem"; }
    std::string key(const std::string& name) const { return folder_ + "/" + name + ".key"; }
    std::string authority() const { return chain("authority"); }

private:
    static constexpr const char* script = R"(set -e
cat > all.cnf <<'END'
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
subjectAltName = DNS:localhost, IP:127.0.0.1
extendedKeyUsage = serverAuth
[elsewhere]
subjectAltName = DNS:example.org
extendedKeyUsage = serverAuth
[client]
extendedKeyUsage = clientAuth
[intruder]
extendedKeyUsage = clientAuth
subjectAltName = @lines
[lines]
DNS = a\nstopped by an intruder
END
request() { # NAME SUBJECT [FLAG...]
    openssl req -config all.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "$2" "${@:3}"
}
leaf() { # NAME KIND SUBJECT FLAG...
    request "$1" "$3" -new -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA authority.pem -CAkey authority.key -CAcreateserial -extfile all.cnf \
        -extensions "$2" "${@:4}" -out "$1.pem"
}
yesterday=(-days -1)
if openssl x509 -help 2>&1 | grep -q not_after; then # as it has to be said since OpenSSL 3.5
    yesterday=(-not_before 20240101000000Z -not_after 20240102000000Z)
fi
request authority '/CN=Test Root' -x509 -extensions authority -days 2 -out authority.pem
request stranger '/CN=stranger' -x509 -extensions client -days 2 -out stranger.pem
request intruder '/CN=intruder' -x509 -extensions intruder -days 2 -out intruder.pem
leaf server server '/CN=localhost' -days 2
leaf renewed server '/CN=localhost' -days 2
leaf elsewhere elsewhere '/CN=example.org' -days 2
leaf expired server '/CN=localhost' "${yesterday[@]}"
leaf alice client '/CN=alice' -days 2
)";

    certificates() : folder_(testing::TempDir() + "libnet_certificates_XXXXXX")
    {
        if (::mkdtemp(folder_.data()) == nullptr) {
            problem_ = "no folder " + folder_;
            return;
        }
        const auto ended = shell("cd " + folder_ + '\n' + script);
        problem_ = ended.code == 0 ? "" : "openssl makes no certificates: " + ended.errors;
    }

    std::string folder_;
    std::string problem_;
};

}  // namespace integration
