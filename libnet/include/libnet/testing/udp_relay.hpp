#pragma once

#include <libnet/core/config.hpp>
#include <libnet/testing/relay.hpp>

#include <string_view>

namespace libnet::testing {

/// A bad line for datagrams. Each peer has a socket of its own towards the target, as behind a router
/// that translates addresses, and is forgotten when nothing came for `idle_timeout`.
///
///     udp_relay line("127.0.0.1:9001", "127.0.0.1:9000", {.there = {.loss = 0.02}});
///     co_await line.run();
class LIBNET_ASIO_TESTING_DECL udp_relay : public relay {
public:
    /// Opens nothing yet. Throws boost::system::system_error for text that is no HOST:PORT, and
    /// std::invalid_argument as impairment does.
    udp_relay(std::string_view where, std::string_view target, relay_options options = {});
};

}  // namespace libnet::testing
