#pragma once

#include <libnet/core/config.hpp>
#include <libnet/framing/proxy_header.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/session/connection.hpp>
#include <libnet/transport/endpoint.hpp>
#include <libnet/transport/socket_options.hpp>
#include <libnet/transport/stream_layer.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace libnet {

/// What a connection is to be like, and how long making it may take.
struct connect_options {
    connection_options connection{};  ///< framing, timeouts, buffers
    socket_options socket{};          ///< the kernel's part

    /// Resolving, connecting and sending the header below together. A layer has a deadline of its own.
    duration connect_timeout = std::chrono::seconds(3);

    /// Sent first of all, before the layer: for a server that expects the PROXY protocol, because
    /// whoever connects here does so for somebody else (proxy_header::for_client) or for nobody
    /// (for_nobody).
    std::optional<proxy_header> proxy = std::nullopt;

    /// What stands between the transport and the connection: a tls_context, say.
    stream_layer layer = nullptr;

    /// An address of the host could not be connected to. Called as it happens; others may follow.
    std::function<void(const std::string& address, const error_code& why)> on_address_failed =
        nullptr;
};

/// Connects to `HOST:PORT` by TCP, or to `unix:PATH`. `where` is read at once and need not stay.
///
///     auto peer = co_await connect("localhost:9000", delimited("\n"));
///     if (!peer)
///         co_await fail(peer.error());
///
/// Errors   invalid_endpoint; connect_timeout; host_not_found; connection_refused, ...; those of
///          write_proxy_header() and of the layer.
/// Cancel   safe.
LIBNET_ASIO_DECL task<connection> connect(std::string_view where,
                                          any_framing framing = length_prefix{});

/// The options must be a variable: GCC 12 destroys a temporary aggregate inside an await twice.
LIBNET_ASIO_DECL task<connection> connect(std::string_view where, const connect_options& options);
task<connection> connect(std::string_view where, connect_options&& options) = delete;

}  // namespace libnet
