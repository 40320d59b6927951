#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/list_node.hpp>
#include <libnet/core/siphash.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/core/time.hpp>
#include <libnet/policy/token_bucket.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace libnet {

/// How many peers of a datagram socket there may be, and for how long.
struct peer_limits {
    /// At a time.
    std::size_t max_peers = 10'000;

    /// New ones per second. Behind a million addresses that somebody has made up there are a million
    /// new peers.
    std::size_t new_peers_per_second = 1'000;

    /// A peer that was not heard of for so long is gone: datagrams have no other end.
    duration idle_timeout = std::chrono::seconds(60);
};

/// A peer. It knows its place in the table, and leaves it when it dies.
struct peer_entry : detail::list_node {
    /// Heard of never; the table says when.
    explicit peer_entry(const socket_address& who) noexcept : address(who) {}

    socket_address address;                ///< whose it is
    time_point heard{};                    ///< when it last sent something
    peer_entry* next_in_bucket = nullptr;  ///< the table's own
};

/// Who is there: peers by their address, the one that was silent for longest first. Owns nobody, and
/// knows neither sockets nor a clock.
///
/// Memory  8 bytes a peer besides its entry, given back when most have gone. Addresses are hashed with
///         a key, so that nobody can choose many that fall together.
/// Cost    a hash to find; expiring looks at nobody who is not to go.
class LIBNET_ASIO_DECL peer_table {
public:
    /// The limit that is in the way of a new one, or none.
    enum class decision { let_in, max_peers, new_peers_per_second };

    /// Empty. `key` must be secret, or peers choose the buckets that they fall into.
    peer_table(const peer_limits& limits, const siphash_key& key);

    /// Null: not there.
    peer_entry* find(const socket_address& who) const noexcept;

    /// Whether a new one may come. If so, that costs some of the rate.
    decision ask(time_point now) noexcept;

    /// It came; it is in no table yet, and nobody has its address. Throws std::bad_alloc, and nothing
    /// has changed.
    void add(peer_entry& peer, time_point now);

    /// Something came from it.
    void heard(peer_entry& peer, time_point now) noexcept;

    /// It is gone.
    void remove(peer_entry& peer) noexcept;

    /// The one that was silent for longest, if that is long enough; null if it is not.
    peer_entry* expired(time_point now) const noexcept;

    /// When the next one expires; `end_of_time` if nobody does.
    time_point when_next() const noexcept;

    /// Calls `visit` for each, which may remove the one that it is given.
    template <class Visitor>
    void for_each(Visitor&& visit) const
    {
        by_silence_.for_each(visit);
    }

    /// How many peers there are.
    std::size_t size() const noexcept { return size_; }

    /// Bytes that the table itself takes.
    std::size_t memory() const noexcept { return buckets_.capacity() * sizeof(buckets_[0]); }

private:
    std::size_t bucket_of(const socket_address& who) const noexcept;
    void resize(std::size_t buckets);

    peer_limits limits_;
    siphash_key key_;
    token_bucket newcomers_;
    std::vector<peer_entry*> buckets_;  // a power of two of them
    detail::node_list<peer_entry> by_silence_;
    std::size_t size_ = 0;
};

/// The name of the limit in peer_limits; "let_in" if there is none.
LIBNET_ASIO_DECL const char* name_of(peer_table::decision d) noexcept;

}  // namespace libnet
