#include "tls_first_message.hpp"

#include "../core/first_words.hpp"

#include <algorithm>
#include <cstddef>

namespace libnet::detail {
namespace {

constexpr std::byte change_cipher_record{20};
constexpr std::byte handshake_record{22};
constexpr std::byte alert_record{21};

/// Whether the message that begins here is whole, over as many records as it takes; or is not for us
/// to judge.
bool is_whole_message(bytes records) noexcept
{
    constexpr std::size_t header = 5;
    constexpr std::size_t longest_record = 16 * 1024 + 256;  // OpenSSL refuses others,
    constexpr std::size_t longest_hello = 128 * 1024;        // and these
    const auto number = [&](std::size_t at) { return std::to_integer<std::size_t>(records[at]); };
    if (records.size() > header + longest_record) {
        return true;  // so much was sent for it; and each look begins at the front
    }
    std::size_t announced = 0;
    std::size_t have = 0;
    while (records.size() >= header) {
        const std::size_t size = number(3) << 8 | number(4);
        if (records[0] == change_cipher_record &&
            have == 0) {  // of no meaning any more (RFC 8446, 5)
            records = records.subspan(std::min(records.size(), header + size));
            continue;
        }
        if (records[0] != handshake_record || size == 0 || size > longest_record) {
            return true;
        }
        const std::size_t here = std::min(size, records.size() - header);
        for (std::size_t i = 0; i < here && have + i < 4; ++i) {
            announced = have + i == 0 ? 0 : announced << 8 | number(header + i);
        }
        have += here;
        if (have >= 4 && (announced > longest_hello || have >= 4 + announced)) {
            return true;
        }
        if (here < size) {
            return false;
        }
        records = records.subspan(header + size);
    }
    return have == 0 && records.empty();
}

/// The first message of SSL 2.0 has a header of its own: a length with its highest bit set.
bool begins_like_sslv2(bytes received) noexcept
{
    constexpr std::byte client_hello{1};
    return (received[0] & std::byte{0x80}) != std::byte{} &&
           (received.size() < 3 || received[2] == client_hello);
}

}  // namespace

bool has_first_message(bytes received) noexcept
{
    const bool may_be_one = !received.empty() && (received[0] == handshake_record ||
                                                  received[0] == change_cipher_record);
    return may_be_one ? is_whole_message(received) : !received.empty();
}

error not_how_tls_begins(bytes received) noexcept
{
    if (received[0] == handshake_record || received[0] == alert_record) {
        return error{};
    }
    if (begins_like_sslv2(received)) {
        return error::protocol_too_old;
    }
    return begins_like_http(received) ? error::plain_http : error::plain_text;
}

}  // namespace libnet::detail
