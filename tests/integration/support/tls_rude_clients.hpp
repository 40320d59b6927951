#pragma once

#include "served.hpp"
#include "tls_client_socket.hpp"

#include <libnet/policy/admission.hpp>
#include <libnet/tls.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

/// What clients of TLS do to a server, on purpose or not; in small numbers and in great ones.
namespace integration {

struct tls_abuse {
    const char* name;

    /// Does it once; true if the server has ended it, or need not.
    bool (*once)(std::uint16_t port);
};

inline bool is_ended_by_server(tls_client_socket& client)
{
    return client.read(1).empty();
}

inline const std::vector<tls_abuse>& all_tls_abuses()
{
    using namespace std::string_literals;
    static const std::vector<tls_abuse> all{
        {"garbage instead of a handshake",
         [](std::uint16_t port) {
             client_socket client(port);
             client.send("\x16\x03\x01\x02\x00garbage garbage garbage"s);
             client.half_close();
             (void)client.read_to_end();
             return client.ended() || client.error() == ECONNRESET;
         }},
        {"garbage after the handshake",
         [](std::uint16_t port) {
             tls_client_socket client(port);
             client.below().send("garbage garbage garbage");
             return is_ended_by_server(client);
         }},
        {"oversized records",
         [](std::uint16_t port) {
             tls_client_socket client(port);
             client.below().send("\x17\x03\x03\xff\xff"s + std::string(1000, 'x'));
             return is_ended_by_server(client);
         }},
        {"cuts without close_notify",
         [](std::uint16_t port) {
             tls_client_socket client(port);
             return client.send(framed("half of it").substr(0, 7));
         }},
        {"floods of key updates",
         [](std::uint16_t port) {
             tls_client_socket client(port);
             for (int i = 0; i < 40; ++i) {
                 SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
                 if (SSL_do_handshake(client.ssl()) != 1) {
                     break;
                 }
             }
             return is_ended_by_server(client);
         }},
        {"renegotiation",
         [](std::uint16_t port) {
             tls_client_socket client(port, TLS1_2_VERSION);
             SSL_renegotiate(client.ssl());
             return client.shaken() && SSL_do_handshake(client.ssl()) != 1;
         }},
        {"TLS 1.0",
         [](std::uint16_t port) { return !tls_client_socket(port, TLS1_VERSION).shaken(); }},
        {"TLS 1.1",
         [](std::uint16_t port) { return !tls_client_socket(port, TLS1_1_VERSION).shaken(); }},
        {"records of one byte",
         [](std::uint16_t port) {
             tls_client_socket client(port);
             const std::string frame = framed("hello");
             for (const char c : frame) {
                 client.send({&c, 1});
             }
             return client.read(frame.size()) == frame;
         }},
    };
    return all;
}

struct reloads_under_load {
    std::size_t handshakes = 0;
    std::size_t failed = 0;
    std::size_t certificates_seen = 0;
};

/// Two threads of clients shake hands all the time, while the server's certificate is replaced by
/// another one and back, after a handshake or two each time.
inline reloads_under_load reload_under_load(int times)
{
    const libnet::tls_certificate certificates[] = {libnet::tls_certificate::self_signed(),
                                                    libnet::tls_certificate::self_signed()};
    libnet::tls_server_options options;
    options.certificates = {certificates[0]};
    options.handshakes_per_second = libnet::no_limit;
    auto context = libnet::tls_context::server(options);
    libnet::server_options layered;
    layered.layer = context;
    served server(echo, std::move(layered));

    std::atomic<std::size_t> handshakes = 0;
    std::atomic<std::size_t> failed = 0;
    std::atomic<bool> done = false;
    std::set<std::string> seen[2];
    const auto shake_hands = [&](std::set<std::string>& into) {
        while (!done) {
            tls_client_socket client(server.port());
            failed += client.echoes() ? 0 : 1;
            if (X509* const shown = SSL_get0_peer_certificate(client.ssl())) {
                unsigned char digest[32];
                unsigned size = 0;
                X509_digest(shown, EVP_sha256(), digest, &size);
                into.emplace(reinterpret_cast<const char*>(digest), size);
            }
            ++handshakes;
        }
    };
    std::thread one([&] { shake_hands(seen[0]); });
    std::thread other([&] { shake_hands(seen[1]); });
    for (int i = 1; i <= times; ++i) {
        context.reload({certificates[i % 2]});
        const std::size_t before = handshakes;
        (void)soon([&] { return handshakes != before; });
    }
    done = true;
    one.join();
    other.join();
    seen[0].merge(seen[1]);
    return {.handshakes = handshakes, .failed = failed, .certificates_seen = seen[0].size()};
}

}  // namespace integration
