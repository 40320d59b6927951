// Input: limit, then the beginning of a stream.

#include "fuzzing.hpp"

#include <libnet/framing/proxy_header.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace {

using namespace libnet::tests;
using libnet::as_bytes;
using libnet::bytes;
using libnet::proxy_reading;
using libnet::read_proxy_header;
using status = proxy_reading::status;

constexpr std::array<std::size_t, 4> limits{4096, 232, 65'551, 16};

bool same(const libnet::result<proxy_reading>& a, const libnet::result<proxy_reading>& b)
{
    if (a.has_error() || b.has_error()) {
        return a.has_error() && b.has_error() && a.error() == b.error();
    }
    return a->state == b->state && a->size == b->size && a->header == b->header;
}

/// All the first cuts, where the kind of header is told; of the others some, or it would be slow. Which
/// ones depends on the stream's size, so that many streams see all of them.
std::size_t next_cut(std::size_t cut, std::size_t size, bool is_settled)
{
    const std::size_t stride = is_settled ? 37 : cut < 18 ? 1 : cut == 18 ? 1 + size % 7 : 7;
    return cut < size ? std::min(size, cut + stride) : size + 1;
}

/// Every beginning of the stream agrees with the whole: incomplete at first, then settled for ever.
void check_every_split(bytes stream, std::size_t limit)
{
    std::optional<libnet::result<proxy_reading>> settled;
    for (std::size_t cut = 0; cut <= stream.size();
         cut = next_cut(cut, stream.size(), settled.has_value())) {
        const auto piece = exact_copy(stream.first(cut));
        auto reading = read_proxy_header(piece, limit);
        if (reading && reading->state == status::incomplete) {
            CHECK(!settled);
            CHECK(reading->size > cut);
            CHECK(reading->size <= std::max<std::size_t>(limit, 107));
            continue;
        }
        CHECK(!settled || same(*settled, reading));
        settled = std::move(reading);
    }
}

/// What was read can be written, and is the same header again.
void check_writing(bytes stream, std::size_t limit)
{
    const auto reading = read_proxy_header(stream, limit);
    if (!reading || reading->state != status::header) {
        return;
    }
    CHECK(reading->size <= stream.size());
    (void)reading->header.client();
    const auto wire = libnet::write_proxy_header(reading->header);
    CHECK(wire);
    const auto again = read_proxy_header(as_bytes(*wire), 65'551);
    CHECK(again);
    CHECK(again->state == status::header);
    CHECK(again->size == wire->size());
    CHECK(again->header == reading->header);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz_input input(data, size);
    const std::size_t limit = limits[input.byte() % limits.size()];
    const auto stream = exact_copy(input.rest());
    check_every_split(bytes(stream).first(std::min<std::size_t>(stream.size(), 400)), limit);
    check_writing(stream, limit);
    return 0;
}
