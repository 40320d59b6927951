#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/core/result.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/framing/proxy_error.hpp>
#include <libnet/framing/proxy_tlvs.hpp>

#include <cstddef>
#include <string>

namespace libnet {

/// The PROXY protocol, versions 1 and 2: what a balancer says first on each connection that it makes,
/// about the client for whom it makes it. (The specification is HAProxy's `doc/proxy-protocol.txt`.)
///
/// Version 1 is a line of at most 107 bytes:
///
///     PROXY TCP4 203.0.113.7 192.0.2.1 4711 443 CR LF
///            |   |           |         |    `--- destination's port
///            |   |           |         `-------- source's port
///            |   |           `------------------ destination: where the client has connected to
///            |   `------------------------------ source: the client
///            `---------------------------------- TCP4, TCP6; UNKNOWN, with anything or nothing behind it
///
/// Version 2 is binary:
///
///     +-------------------------------------+----+----+-------+-----------+------+
///     | 0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A | 21 | 11 | 00 0C | addresses | TLVs |
///     +-------------------------------------+----+----+-------+-----------+------+
///       signature                             |    |    how many bytes follow
///                version 2, command 1: PROXY -+    +- family 1: IPv4, transport 1: stream
///
///     addresses  IPv4  source 4, destination 4, source's port 2, destination's port 2
///                IPv6  source 16, destination 16, and the ports
///                Unix  source 108, destination 108: paths, filled up with zeroes
struct proxy_header {
    /// The form on the wire: a line of text, or binary.
    enum class version : unsigned char { v1 = 1, v2 = 2 };

    /// For whom the connection was made.
    enum class command : unsigned char {
        local = 0,  ///< the balancer connects for itself: a health check
        proxy = 1,  ///< it connects for a client
    };

    /// Which addresses it carries, and over what the client came.
    enum class family : unsigned char { unspecified = 0, ipv4 = 1, ipv6 = 2, unix_domain = 3 };
    enum class transport : unsigned char { unspecified = 0, stream = 1, datagram = 2 };

    version written = version::v2;            ///< the form it has, or is to have
    command purpose = command::local;         ///< for a client, or for itself
    family addresses = family::unspecified;   ///< which kind they are of
    transport over = transport::unspecified;  ///< how the client came

    /// The client, and where it has connected to; of IPv4 and IPv6. An IPv4 address that is mapped
    /// into IPv6 is the IPv4 address, though the family is still IPv6.
    socket_address source{};
    socket_address destination{};

    /// The same of Unix sockets, at most 108 bytes each. A name that begins with a zero is abstract.
    std::string source_path{};
    std::string destination_path{};

    proxy_tlvs tlvs{};  ///< version 2 only

    /// Whether it says who the client is. LOCAL does not, nor does UNKNOWN.
    bool names_client() const noexcept
    {
        return purpose == command::proxy && addresses != family::unspecified;
    }

    /// The client, for people: "203.0.113.7:4711", "unix:/run/client.sock". Empty if it is not named.
    LIBNET_ASIO_DECL std::string client() const;

    /// One that says: for this client, which has connected to `destination`, over TCP.
    LIBNET_ASIO_DECL static proxy_header for_client(const socket_address& source,
                                                    const socket_address& destination,
                                                    version as = version::v2);

    /// One that says: for nobody but ourselves. Version 1 has no word for that, and says UNKNOWN.
    LIBNET_ASIO_DECL static proxy_header for_nobody(version as = version::v2);

    friend bool operator==(const proxy_header&, const proxy_header&) = default;
};

/// What a header may have in bytes, unless an option says otherwise.
inline constexpr std::size_t default_max_proxy_header = 4_KiB;

/// What the beginning of a stream is.
struct proxy_reading {
    /// What the bytes are so far.
    enum class status : unsigned char {
        incomplete,  ///< it may become a header: `size` bytes at least are needed to tell more
        header,      ///< its first `size` bytes are one
        absent,      ///< it begins with something else
    };

    status state = status::incomplete;  ///< which of the fields below mean something
    std::size_t size = 0;               ///< in bytes, of what is known of it
    proxy_header header{};              ///< what it says, once it is complete
};

/// Looks at all that has come of a stream so far. Keeps nothing: call it again with more.
///
/// `max_size` bounds a header of version 2, in bytes, TLVs included; one of version 1 has 107 at most.
///
/// Errors   proxy_error::v1_..., v2_...; each as soon as it is certain, and whatever follows. Not
///          `missing`, which depends on what one expects: that is `absent`.
/// Cost     version 1: linear in the line. Version 2: constant until the header is complete, then
///          linear, with one copy of the TLVs.
LIBNET_ASIO_DECL result<proxy_reading>
read_proxy_header(bytes beginning, std::size_t max_size = default_max_proxy_header);

/// Whether it begins with the whole signature of either version: it can be nothing but a header, good or
/// bad.
LIBNET_ASIO_DECL bool begins_as_proxy_header(bytes beginning) noexcept;

/// The bytes of a header. A checksum among the TLVs is calculated.
///
/// Errors   refused_payload: addresses that are not of the family, a path above 108 bytes, and in
///          version 1 TLVs and everything that is not TCP; frame_too_large: more than 65535 bytes
///          behind the first 16.
LIBNET_ASIO_DECL result<std::string> write_proxy_header(const proxy_header& header);

}  // namespace libnet
