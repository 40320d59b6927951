#pragma once

#include "datagram_batch.hpp"

#include <cstddef>
#include <span>

namespace libnet::detail {

/// Datagrams that wait to be sent, in order. Those of one size that go to one peer one after the other
/// become one send, where the channel can do that.
class datagram_queue {
public:
    /// UDP over IPv4 carries no more in one datagram, and the kernel no more in one send.
    static constexpr std::size_t longest = 65'507;
    static constexpr std::size_t most_segments = 64;

    /// Copies the payload; false if there is no room. Throws std::bad_alloc.
    bool add(const socket_address& to, const ip_address& from, bytes payload,
             std::size_t largest_segment);

    bool empty() const noexcept { return next_ == end_; }

    /// What is to be sent next.
    std::span<queued_datagrams> pending() const noexcept
    {
        return std::span(gathering_->sends).subspan(next_, end_ - next_);
    }

    /// The first sends are done with.
    void consume(std::size_t count) noexcept;

    /// How many datagrams one send is.
    static std::size_t count(const queued_datagrams& send) noexcept
    {
        return send.payload.empty() ? 1 : (send.payload.size() - 1) / send.segment + 1;
    }

private:
    recycled<datagram_gathering> gathering_;  // while there is something
    std::size_t next_ = 0;
    std::size_t end_ = 0;
    std::size_t used_ = 0;  // bytes
};

}  // namespace libnet::detail
