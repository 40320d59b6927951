#pragma once

#include <libnet/core/config.hpp>
#include <libnet/testing/relay.hpp>

#include <string_view>

namespace libnet::testing {

/// A bad line for connections:
///
///     tcp_relay line("127.0.0.1:9001", "127.0.0.1:9000", {.there = {.delay = 50ms}});
///     co_await line.run();
///
/// A connection that fell silent is kept until the relay ends: neither side is to learn of it.
class LIBNET_ASIO_TESTING_DECL tcp_relay : public relay {
public:
    /// Opens nothing yet. Throws boost::system::system_error for text that is no HOST:PORT and no
    /// unix:PATH, and std::invalid_argument as impairment does.
    tcp_relay(std::string_view where, std::string_view target, relay_options options = {});
};

}  // namespace libnet::testing
