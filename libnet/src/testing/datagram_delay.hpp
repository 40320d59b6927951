#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/testing/impairment.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace libnet::testing {

/// Datagrams under way on a bad line. Bounded: what finds no room is lost.
class datagram_delay {
public:
    using delivery = std::function<void(const socket_address& key, bytes content)>;

    datagram_delay(loop& home, impairment& line, std::size_t room, delivery deliver)
        : line_(line), room_(room), deliver_(std::move(deliver)), next_(home)
    {
    }

    /// `key` says whom it is for, when it arrives.
    void depart(const socket_address& key, bytes content, time_point now);

    /// What found no room.
    std::uint64_t dropped() const noexcept { return dropped_; }

    /// Delivers, until it is cancelled.
    task<> run();

private:
    struct parcel {
        socket_address key;
        std::vector<std::byte> content;
    };

    void keep(time_point arrives, const socket_address& key, bytes content,
              const std::vector<std::uint64_t>& flipped);

    impairment& line_;
    std::size_t room_;
    std::uint64_t dropped_ = 0;
    delivery deliver_;
    std::multimap<time_point, parcel> parcels_;  // in order of departure where they arrive together
    timer next_;
};

}  // namespace libnet::testing
