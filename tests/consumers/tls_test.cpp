#include <libnet/libnet.hpp>
#include <libnet/tls.hpp>

#include <iostream>

/// The library of TLS is there, with the OpenSSL that it needs.
int main()
{
    libnet::tls_server_options options;
    options.certificates = {libnet::tls_certificate::self_signed()};
    libnet::server_options over_tls;
    over_tls.layer = libnet::tls_context::server(options);
    std::cout << "TLS with " << options.certificates.front().fingerprint() << '\n';
    return over_tls.layer ? 0 : 1;
}
