#pragma once

#include <libnet/transport/datagram_channel.hpp>

#include <array>
#include <cstddef>
#include <memory>

namespace libnet::detail {

/// Room for all that one call receives: 64 places of 64 KiB. Sockets have one while somebody looks at
/// what came, and share few of them: an idle socket has none. Pages that were never written to take no
/// memory.
struct datagram_batch {
    static constexpr std::size_t places = 64;
    static constexpr std::size_t largest = 65'535;

    datagram_batch();

    std::array<received_datagrams, places> slots;
    std::unique_ptr<std::byte[]> memory;
};

/// Output that gathers: 64 sends and 256 KiB at most.
struct datagram_gathering {
    static constexpr std::size_t places = 64;
    static constexpr std::size_t capacity = 256 * 1024;

    datagram_gathering();

    std::array<queued_datagrams, places> sends;
    std::unique_ptr<std::byte[]> memory;
};

/// Gives a batch, or a gathering, back to the few that this thread keeps for the next one.
struct recycle {
    void operator()(datagram_batch* b) const noexcept;
    void operator()(datagram_gathering* g) const noexcept;
};

template <class Buffer>
using recycled = std::unique_ptr<Buffer, recycle>;

/// Throw std::bad_alloc.
recycled<datagram_batch> take_batch();
recycled<datagram_gathering> take_gathering();

}  // namespace libnet::detail
