#include <libnet/policy/peer_table.hpp>

#include <array>
#include <cstring>
#include <new>
#include <span>

namespace libnet {
namespace {

constexpr std::size_t fewest_buckets = 16;

}  // namespace

peer_table::peer_table(const peer_limits& limits, const siphash_key& key)
    : limits_(limits),
      key_(key),
      newcomers_(limits.new_peers_per_second, limits.new_peers_per_second),
      buckets_(fewest_buckets)
{
}

/// The address, its length and the port; eight bytes for IPv4.
std::size_t peer_table::bucket_of(const socket_address& who) const noexcept
{
    std::array<std::byte, 24> text;
    const bytes octets = who.address.octets();
    std::memcpy(text.data(), &who.port, 2);
    text[2] = std::byte(who.zone);
    text[3] = std::byte(octets.size());
    if (octets.size() == 4) {
        std::memcpy(text.data() + 4, octets.data(), 4);  // most are, and four bytes need no call
    } else if (!octets.empty()) {
        std::memcpy(text.data() + 4, octets.data(), octets.size());
    }
    const std::uint64_t hash = siphash(key_, bytes(text).first(4 + octets.size()));
    return static_cast<std::size_t>(hash) & (buckets_.size() - 1);
}

peer_entry* peer_table::find(const socket_address& who) const noexcept
{
    peer_entry* peer = buckets_[bucket_of(who)];
    while (peer != nullptr && peer->address != who) {
        peer = peer->next_in_bucket;
    }
    return peer;
}

peer_table::decision peer_table::ask(time_point now) noexcept
{
    if (size_ >= limits_.max_peers) {
        return decision::max_peers;
    }
    return newcomers_.take(now) ? decision::let_in : decision::new_peers_per_second;
}

void peer_table::add(peer_entry& peer, time_point now)
{
    if (size_ == buckets_.size()) {
        resize(2 * buckets_.size());
    }
    peer_entry*& first = buckets_[bucket_of(peer.address)];
    peer.next_in_bucket = first;
    first = &peer;
    ++size_;
    peer.heard = now;
    by_silence_.push_back(peer);
}

void peer_table::heard(peer_entry& peer, time_point now) noexcept
{
    peer.heard = now;
    if (&by_silence_.back() != &peer) {
        peer.unlink();
        by_silence_.push_back(peer);
    }
}

void peer_table::remove(peer_entry& peer) noexcept
{
    peer_entry** place = &buckets_[bucket_of(peer.address)];
    while (*place != &peer) {
        place = &(*place)->next_in_bucket;
    }
    *place = peer.next_in_bucket;
    peer.unlink();
    --size_;
    if (buckets_.size() > fewest_buckets && size_ < buckets_.size() / 8) {
        try {
            resize(buckets_.size() / 4);
        } catch (const std::bad_alloc&) {  // then it stays as large as it is
        }
    }
}

peer_entry* peer_table::expired(time_point now) const noexcept
{
    return when_next() <= now && size_ != 0 ? &by_silence_.front() : nullptr;
}

time_point peer_table::when_next() const noexcept
{
    return by_silence_.empty() ? end_of_time
                               : libnet::add(by_silence_.front().heard, limits_.idle_timeout);
}

void peer_table::resize(std::size_t buckets)
{
    std::vector<peer_entry*> empty(buckets);
    buckets_.swap(empty);
    by_silence_.for_each([&](peer_entry& peer) {
        peer_entry*& first = buckets_[bucket_of(peer.address)];
        peer.next_in_bucket = first;
        first = &peer;
    });
}

const char* name_of(peer_table::decision d) noexcept
{
    switch (d) {
    case peer_table::decision::let_in: return "let_in";
    case peer_table::decision::max_peers: return "max_peers";
    case peer_table::decision::new_peers_per_second: return "new_peers_per_second";
    }
    return "unknown";
}

}  // namespace libnet
