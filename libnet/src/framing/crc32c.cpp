#include <libnet/framing/crc32c.hpp>

#include <boost/crc.hpp>

#include <algorithm>
#include <array>

namespace libnet {
namespace {

/// The division alone, from nothing. What it begins with and how it ends are ours, since it goes on
/// from a checksum that was finished.
using division = boost::crc_optimal<32, 0x1EDC6F41, 0, 0, true, true>;

}  // namespace

std::uint32_t crc32c(bytes data, std::uint32_t before) noexcept
{
    // Making a division turns around the bits of what it begins with, one by one, which costs as
    // much as 60 bytes do. So one is made and copied, and it begins with nothing: what stood before
    // is added to the first four bytes, where it would take effect; what they have no room for, to
    // the result.
    static const division nothing_yet;
    std::uint32_t carried = ~before;
    std::array<std::byte, sizeof carried> first;
    const std::size_t count = std::min(first.size(), data.size());
    for (std::size_t i = 0; i < count; ++i) {
        first[i] = data[i] ^ static_cast<std::byte>(carried & 0xFF);
        carried >>= 8;
    }
    division rest = nothing_yet;
    rest.process_bytes(first.data(), count);
    rest.process_bytes(data.data() + count, data.size() - count);
    return ~(static_cast<std::uint32_t>(rest.checksum()) ^ carried);
}

}  // namespace libnet
