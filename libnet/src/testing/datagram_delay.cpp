#include "datagram_delay.hpp"

#include <utility>

namespace libnet::testing {

void datagram_delay::depart(const socket_address& key, bytes content, time_point now)
{
    const packet_fate fate = line_.packet(now, content.size());
    if (fate.lost) {
        return;
    }
    keep(fate.arrives, key, content, fate.flipped);
    if (fate.arrives_again) {
        keep(*fate.arrives_again, key, content, fate.flipped);
    }
}

void datagram_delay::keep(time_point arrives, const socket_address& key, bytes content,
                          const std::vector<std::uint64_t>& flipped)
{
    if (content.size() > room_) {
        ++dropped_;
        return;
    }
    room_ -= content.size();
    parcel made{key, {content.begin(), content.end()}};
    flip(made.content, flipped);
    const auto place = parcels_.emplace(arrives, std::move(made));
    if (place == parcels_.begin()) {
        next_.expires_at(arrives);
    }
}

task<> datagram_delay::run()
{
    const loop& home = co_await this_loop();
    for (;;) {
        next_.expires_at(parcels_.empty() ? end_of_time : parcels_.begin()->first);
        co_await checked(next_.wait());
        const time_point now = home.now();
        while (!parcels_.empty() && parcels_.begin()->first <= now) {
            const parcel arrived = std::move(parcels_.begin()->second);
            parcels_.erase(parcels_.begin());
            room_ += arrived.content.size();
            deliver_(arrived.key, arrived.content);
        }
    }
}

}  // namespace libnet::testing
