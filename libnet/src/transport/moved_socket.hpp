#pragma once

#include "socket_names.hpp"

#include <libnet/core/ip_address.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/transport/owned_descriptor.hpp>
#include <libnet/transport/stream.hpp>

#include <memory>
#include <string>

namespace libnet::detail {

/// A connection on its way from one loop to another: its descriptor, and what is known of its peer. May
/// travel between threads; closed if it never arrives.
class moved_socket {
public:
    /// Takes it out of its stream, which has not been used yet. Throws boost::system::system_error for
    /// a stream that is no socket.
    explicit moved_socket(stream& from);
    moved_socket(const moved_socket&) = delete;
    moved_socket& operator=(const moved_socket&) = delete;

    /// On the thread of `home`, once. Throws boost::system::system_error if the kernel is out of
    /// something, and std::bad_alloc; then it is closed.
    std::unique_ptr<stream> arrive(loop& home);

    const ip_address& address() const noexcept { return address_; }

private:
    socket_names names();

    std::string peer_;
    ip_address address_;
    owned_descriptor descriptor_;
};

}  // namespace libnet::detail
