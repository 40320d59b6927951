#pragma once

/// TLS: the target libnet::tls, which needs OpenSSL.

#include <libnet/transport/tls_certificate.hpp>
#include <libnet/transport/tls_context.hpp>
