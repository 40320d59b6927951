#pragma once

namespace libnet::detail {

/// Lets the kernel drop the first packet of every new connection to this listening socket, so that
/// its queue can be emptied for good. A client whose packet was dropped sends it again after a second,
/// to whoever listens by then. Handshakes that have begun go on. Best effort: elsewhere than on Linux,
/// and for other sockets than those of TCP, nothing happens.
void keep_newcomers_out(int listening) noexcept;

}  // namespace libnet::detail
