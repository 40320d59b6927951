#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>

#include <cstdint>

namespace libnet {

/// CRC-32C (Castagnoli), the checksum of iSCSI (RFC 3720, appendix B.4), SCTP and ext4. "123456789"
/// gives E3069283. It finds every damage within 32 bits and all but one in four thousand million of
/// the others; it is no protection against somebody who means to deceive.
///
/// Goes on from the checksum of what stood before, so that the pieces need not be in one place:
/// crc32c(b, crc32c(a)) is that of a and b in a row.
///
/// Cost     linear, a table's entry per byte; no allocation.
LIBNET_ASIO_DECL std::uint32_t crc32c(bytes data, std::uint32_t before = 0) noexcept;

}  // namespace libnet
