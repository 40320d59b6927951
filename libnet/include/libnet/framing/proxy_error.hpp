#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/error.hpp>

namespace libnet {

/// What was wrong with a PROXY header, or with whoever sent it: each way has its own reason, and its
/// message says what to look at. They compare as error_code; `timeout` equals condition::timeout, and
/// what no header may look like condition::bad_input.
enum class proxy_error {
    missing = 1,       ///< one is required, and the connection began with something else
    truncated,         ///< the stream ended inside of it
    timeout,           ///< it was not there, whole, in time
    untrusted_source,  ///< one is required, and whoever connected is not trusted to send one
    spoofed,           ///< one came from somebody who is not trusted to send one

    v1_too_long,     ///< no end of the line within 107 bytes
    v1_line_ending,  ///< LF without CR
    v1_fields,       ///< not two addresses and two ports, one space before each
    v1_protocol,     ///< neither TCP4, TCP6 nor UNKNOWN
    v1_address,      ///< no address of that protocol
    v1_port,         ///< no number from 0 to 65535

    v2_version,        ///< the signature, and then a version that is not 2
    v2_command,        ///< neither LOCAL nor PROXY
    v2_family,         ///< a family of addresses that does not exist
    v2_transport,      ///< a transport that does not exist, or not with this family
    v2_too_large,      ///< longer than the limit
    v2_addresses,      ///< its length has no room for the addresses of its family
    v2_tlv,            ///< a TLV reaches beyond its end
    v2_checksum,       ///< it is not as it was sent: the CRC-32C does not match
    v2_checksum_form,  ///< a CRC-32C that is not four bytes, or a second one
    v2_unique_id,      ///< a unique id of more than 128 bytes
    v2_ssl,  ///< a TLV about TLS that is too short, or whose own TLVs reach beyond its end
};

/// The category of `proxy_error`.
LIBNET_ASIO_DECL const boost::system::error_category& proxy_category() noexcept;

/// What lets a `proxy_error` be given where an `error_code` is wanted.
inline error_code make_error_code(proxy_error e) noexcept
{
    return {static_cast<int>(e), proxy_category()};
}

/// The name in the enumeration, for logs and counters: "v2_checksum". "unknown" for a number that is
/// none of them.
LIBNET_ASIO_DECL const char* name_of(proxy_error e) noexcept;

}  // namespace libnet

template <>
struct boost::system::is_error_code_enum<libnet::proxy_error> : std::true_type {};

template <>
struct std::is_error_code_enum<libnet::proxy_error> : std::true_type {};
