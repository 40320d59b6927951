#pragma once

#include "certificates.hpp"
#include "echo_server.hpp"
#include "required_programs.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace integration {

/// The words of a command: `flags`, then `more`.
inline std::vector<std::string> joined(std::vector<std::string> flags,
                                       const std::vector<std::string>& more)
{
    flags.insert(flags.end(), more.begin(), more.end());
    return flags;
}

/// "--certificate ... --key ..."
inline std::vector<std::string> showing(const std::string& name)
{
    const certificates& all = certificates::made();
    return {"--certificate", all.chain(name), "--key", all.key(name)};
}

inline std::vector<std::string> trusting_the_authority()
{
    return {"--ca", certificates::made().authority()};
}

/// tls_echo_server on a free port of the loopback interface. Without any flag it has a certificate
/// of its own making.
class tls_echo_server : public echo_server {
public:
    explicit tls_echo_server(const std::vector<std::string>& flags = {})
        : echo_server(flags, {}, {}, TLS_ECHO_SERVER)
    {
    }
};

/// tls_echo_client, run to its end.
inline child_process::outcome run_tls_client(const std::string& where,
                                             const std::vector<std::string>& arguments)
{
    child_process client(joined({TLS_ECHO_CLIENT, "--connect", where}, arguments));
    return client.finish();
}

/// Tests that need certificates.
class WithCertificates : public testing::Test {
protected:
    void SetUp() override
    {
        REQUIRE_PROGRAM("openssl")
        ASSERT_EQ(certificates::made().problem(), "");
    }

    const certificates& all() const { return certificates::made(); }
};

}  // namespace integration
