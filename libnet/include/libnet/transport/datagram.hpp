#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/counter.hpp>
#include <libnet/core/result.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/transport/datagram_channel.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace libnet {

namespace detail {

class udp_core;

/// What one call has fetched, and the datagram in it that was handed out last. It stands apart from
/// the rest of a socket so that a receive() that finds its datagram here can be inlined into the
/// session.
struct datagram_inbox {
    datagram_inbox(udp_core& of, std::size_t most) noexcept : core(of), limit(most) {}

    bool next() noexcept
    {
        if (rest.empty()) {
            if (upcoming == end) {
                return false;
            }
            current = upcoming++;
            rest = current->room.first(current->size);
        }
        const std::size_t size = rest.size() < current->segment ? rest.size() : current->segment;
        payload = rest.first(size < limit ? size : limit);
        whole = size < current->size ? size : current->whole;
        rest = rest.subspan(size);
        ++received;
        return true;
    }

    bool empty() const noexcept { return rest.empty() && upcoming == end; }

    udp_core& core;
    std::size_t limit;  // longer ones are cut off
    const received_datagrams* current = nullptr;
    const received_datagrams* upcoming = nullptr;
    const received_datagrams* end = nullptr;
    bytes rest;     // of `current`, behind the datagram that was handed out
    bytes payload;  // of that
    std::size_t whole = 0;
    counter received;
};

}  // namespace detail

/// A datagram that was received. All that it shows is valid until the next receive().
class datagram {
public:
    /// For sockets, which hand them out.
    explicit datagram(const detail::datagram_inbox& inbox) noexcept : inbox_(&inbox) {}

    /// What was sent; valid until the next receive().
    bytes payload() const noexcept { return inbox_->payload; }
    const socket_address& from() const noexcept { return inbox_->current->from; }

    /// Which address of ours it was sent to, or which group, and the number of the interface on which
    /// it came; empty and 0 unless udp_options::destination asks for it.
    const ip_address& to() const noexcept { return inbox_->current->to; }
    std::uint32_t interface() const noexcept { return inbox_->current->interface; }

    /// Whether its end is missing, and how long it was.
    bool truncated() const noexcept { return inbox_->whole > inbox_->payload.size(); }
    std::size_t size() const noexcept { return inbox_->whole; }

    /// How many hops it could still have gone; and ECN, 0 to 3, of which 3 says that the way is
    /// congested (RFC 3168). Only if udp_options asks for them.
    std::optional<int> hop_limit() const noexcept { return known(inbox_->current->hop_limit); }
    std::optional<int> ecn() const noexcept { return known(inbox_->current->ecn); }

private:
    static std::optional<int> known(int value) noexcept
    {
        return value < 0 ? std::nullopt : std::optional<int>(value);
    }

    const detail::datagram_inbox* inbox_;
};

namespace detail {

LIBNET_ASIO_DECL readiness look_for_datagram(datagram_inbox& i);
LIBNET_ASIO_DECL void wait_for_datagram(void* i, operation_waiter<datagram>& w);
LIBNET_ASIO_DECL void abandon_datagram(void* i, operation_waiter<datagram>& w) noexcept;
LIBNET_ASIO_DECL loop& home_of_datagrams(void* i);
LIBNET_ASIO_DECL result<datagram> why_no_datagram(const datagram_inbox& i);

LIBNET_ASIO_ALWAYS_INLINE readiness poll_datagram(void* source, operation_arguments)
{
    auto& i = *static_cast<datagram_inbox*>(source);
    return i.next() ? readiness::value : look_for_datagram(i);
}

LIBNET_ASIO_ALWAYS_INLINE result<datagram> take_datagram_here(void* source)
{
    const auto& i = *static_cast<const datagram_inbox*>(source);
    if (i.current != nullptr) [[likely]] {
        return datagram(i);
    }
    return why_no_datagram(i);
}

inline const operation_vtable<datagram> receiving_datagrams{
    poll_datagram, take_datagram_here, wait_for_datagram, abandon_datagram, home_of_datagrams};

}  // namespace detail
}  // namespace libnet
