#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>
#include <libnet/testing/random_numbers.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace libnet::testing {

/// Loss that comes in bursts, after Gilbert and Elliott: the line is good or bad, and may change
/// before each packet. In the long run begin / (begin + end) of the time is bad.
struct burst_loss {
    double begin = 0;   ///< the chance that a good line turns bad
    double end = 0.25;  ///< that a bad one turns good: a burst is 1 / end packets long, on average
    double loss_when_bad = 1;  ///< the chance that a packet on a bad line is lost
};

/// What a line does to what goes over it. Chances are from 0 to 1. Nothing is wrong by default.
///
/// A stream does not lose bytes: TCP sends again what was lost, after a time. So for streams loss is
/// delay, by `retransmission` and twice as much each further time, and as with TCP everything behind
/// waits for it. They have no duplicates and keep their order. Counted are segments of 1,460 bytes.
struct impairment_options {
    /// Larger than every number of a byte: never.
    static constexpr std::uint64_t no_byte = UINT64_MAX;

    double loss = 0;                                 ///< of packets, from 0 to 1, each by itself
    std::optional<burst_loss> burst = std::nullopt;  ///< losses that come together, besides

    /// How long everything is under way, and up to how much longer, evenly. Jitter alone changes no
    /// order.
    duration delay = duration::zero();
    duration jitter = duration::zero();

    /// The chance that a packet is under way for `reorder_delay` longer, while those behind it pass.
    double reorder = 0;
    duration reorder_delay = std::chrono::milliseconds(10);

    /// The chance that a packet comes twice, and that one of its bits is wrong.
    double duplicate = 0;
    double corrupt = 0;

    /// Bytes per second, 0 for no limit. Packets that more than `queue` bytes wait before are lost;
    /// the bytes of streams wait with whoever writes them.
    std::uint64_t rate = 0;
    std::size_t queue = 64 * 1024;

    /// The first wait of a stream for what was lost: that of Linux.
    duration retransmission = std::chrono::milliseconds(200);

    /// After so many bytes nothing passes any more, without a word: of each stream, and of all
    /// packets together.
    std::uint64_t silent_after = no_byte;

    /// After so many bytes a stream is reset. For packets the same as silent_after.
    std::uint64_t cut_after = no_byte;
};

/// What became of a packet.
struct packet_fate {
    bool lost = false;                                       ///< it never arrives
    time_point arrives = end_of_time;                        ///< if it does
    std::optional<time_point> arrives_again = std::nullopt;  ///< a duplicate
    std::vector<std::uint64_t> flipped = {};  ///< bits that are wrong, counted from 0
};

/// How far a stream has come on a line.
struct stream_course {
    std::uint64_t passed = 0;             ///< bytes
    time_point last = time_point::min();  ///< when the last byte of them arrives
};

/// What became of some bytes of a stream.
struct chunk_fate {
    /// What comes after its bytes.
    enum class sequel { goes_on, silence, cut };

    std::size_t passes = 0;                   ///< so many of its bytes; then the sequel
    sequel then = sequel::goes_on;            ///< after what passes
    time_point arrives = end_of_time;         ///< the last of them
    std::vector<std::uint64_t> flipped = {};  ///< bits, counted from the first of the chunk
};

/// What has become of all until now, in packets: those of streams are their segments.
struct impairment_counts {
    std::uint64_t packets = 0;     ///< sent
    std::uint64_t bytes = 0;       ///< sent
    std::uint64_t lost = 0;        ///< by chance, in bursts or not; of streams, sent again
    std::uint64_t overflowed = 0;  ///< lost because the queue was full
    std::uint64_t silenced = 0;    ///< after silent_after or cut_after
    std::uint64_t reordered = 0;   ///< packets that came behind later ones
    std::uint64_t duplicated = 0;  ///< packets that came twice
    std::uint64_t corrupted = 0;   ///< packets, or chunks, with a flipped bit
};

/// One direction of a bad line: what becomes of each packet. Does nothing itself and reads no clock:
/// the same options, seed, times and sizes have the same answers.
///
///     impairment line({.loss = 0.02, .delay = 50ms}, seed);
///     const packet_fate fate = line.packet(now, datagram.size());
class LIBNET_ASIO_TESTING_DECL impairment {
public:
    /// Throws std::invalid_argument for a chance that is none, and for negative times.
    explicit impairment(impairment_options options = {}, std::uint64_t seed = 0);

    /// A datagram of `size` bytes sets off at `now`. Time goes on, or stands still.
    packet_fate packet(time_point now, std::size_t size);

    /// The next `size` bytes of a stream set off. They arrive after those before them.
    chunk_fate chunk(stream_course& course, time_point now, std::size_t size);

    /// Other options from here on; the line goes on with its random numbers.
    void change(impairment_options options);

    /// Other random numbers from here on.
    void seed(std::uint64_t start) noexcept { random_ = random_numbers(start); }

    /// What it was made with, and what it has done so far.
    const impairment_options& options() const noexcept { return options_; }
    const impairment_counts& counts() const noexcept { return counts_; }

private:
    bool lose() noexcept;
    std::optional<duration> resend() noexcept;
    time_point sent(time_point now, std::size_t size) noexcept;
    void corrupt(std::vector<std::uint64_t>& flipped, std::size_t offset, std::size_t size);

    impairment_options options_;
    random_numbers random_;
    bool bad_ = false;                             // the line is in a burst
    time_point free_at_ = time_point::min();       // when the rate has room again
    time_point last_arrival_ = time_point::min();  // of packets that kept their order
    std::uint64_t passed_ = 0;                     // bytes of packets
    impairment_counts counts_;
};

/// Turns bits around, as a fate says.
LIBNET_ASIO_TESTING_DECL void flip(mutable_bytes content,
                                   const std::vector<std::uint64_t>& bits) noexcept;

}  // namespace libnet::testing
