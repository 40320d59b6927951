#pragma once

#include <libnet/core/result.hpp>
#include <libnet/transport/socket_options.hpp>

namespace libnet::detail {

/// Options that have to be there before the socket has an address, those of listening sockets,
/// those of each connection, and those that the handshake would undo. TCP's are passed over for
/// other families. A refusal says which and why.
error_code apply_before_bind(int descriptor, int family, const socket_options& options);
error_code apply_before_listen(int descriptor, int family, const socket_options& options,
                               bool explicit_address);
error_code apply_before_connect(int descriptor, int family, const socket_options& options);
error_code apply_to_connection(int descriptor, int family, const socket_options& options);
error_code apply_when_connected(int descriptor, int family, const socket_options& options);

}  // namespace libnet::detail
