#include <libnet/testing/impairment.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace libnet::testing {
namespace {

constexpr std::size_t segment_size = 1460;  // of TCP in an Ethernet frame
constexpr int most_retransmissions = 15;    // then Linux gives the connection up
constexpr duration longest_wait = std::chrono::seconds(120);

bool is_chance(double value) noexcept
{
    return value >= 0 && value <= 1;  // false for NaN
}

impairment_options checked_options(impairment_options options)
{
    const burst_loss burst = options.burst.value_or(burst_loss{});
    for (const double chance : {options.loss, burst.begin, burst.end, burst.loss_when_bad,
                                options.reorder, options.duplicate, options.corrupt}) {
        if (!is_chance(chance)) {
            throw std::invalid_argument("libnet: a chance is between 0 and 1, not " +
                                        std::to_string(chance));
        }
    }
    for (const duration time : {options.delay, options.jitter, options.reorder_delay,
                                options.retransmission}) {
        if (time < duration::zero()) {
            throw std::invalid_argument("libnet: a line cannot be faster than at once");
        }
    }
    return options;
}

duration time_for(std::size_t size, std::uint64_t rate) noexcept
{
    const auto nanoseconds = static_cast<long double>(size) * 1e9L / static_cast<long double>(rate);
    return std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds));
}

}  // namespace

impairment::impairment(impairment_options options, std::uint64_t seed)
    : options_(checked_options(std::move(options))), random_(seed)
{
}

void impairment::change(impairment_options options)
{
    options_ = checked_options(std::move(options));
    bad_ = bad_ && options_.burst;
}

bool impairment::lose() noexcept
{
    if (options_.burst) {
        bad_ = bad_ ? !random_.chance(options_.burst->end) : random_.chance(options_.burst->begin);
        if (bad_ && random_.chance(options_.burst->loss_when_bad)) {
            return true;
        }
    }
    return random_.chance(options_.loss);
}

/// How long a segment has to be sent again until it arrives; nothing if it never does.
std::optional<duration> impairment::resend() noexcept
{
    duration wait = options_.retransmission;
    duration waited = duration::zero();
    for (int times = 0; lose(); ++times, wait = std::min(2 * wait, longest_wait)) {
        ++counts_.lost;
        if (times == most_retransmissions) {
            return std::nullopt;
        }
        waited += wait;
    }
    return waited;
}

/// When its last bit has left, behind all that is to leave before it.
time_point impairment::sent(time_point now, std::size_t size) noexcept
{
    if (options_.rate == 0) {
        return now;
    }
    free_at_ = add(std::max(free_at_, now), time_for(size, options_.rate));
    return free_at_;
}

void impairment::corrupt(std::vector<std::uint64_t>& flipped, std::size_t offset, std::size_t size)
{
    if (size != 0 && random_.chance(options_.corrupt)) {
        ++counts_.corrupted;
        flipped.push_back(8 * std::uint64_t(offset) + random_.below(8 * std::uint64_t(size)));
    }
}

packet_fate impairment::packet(time_point now, std::size_t size)
{
    ++counts_.packets;
    counts_.bytes += size;
    packet_fate fate;
    const std::uint64_t last = std::min(options_.silent_after, options_.cut_after);
    if (passed_ >= last || size > last - passed_) {
        passed_ = last;  // and no smaller one passes behind it
        ++counts_.silenced;
        fate.lost = true;
        return fate;
    }
    passed_ += size;
    if (options_.rate != 0 && free_at_ > now &&
        free_at_ - now > time_for(options_.queue, options_.rate)) {
        ++counts_.overflowed;
        fate.lost = true;
        return fate;
    }
    const time_point left = sent(now, size);
    if (lose()) {
        ++counts_.lost;
        fate.lost = true;
        return fate;
    }
    fate.arrives = add(left, options_.delay + random_.up_to(options_.jitter));
    if (random_.chance(options_.reorder)) {
        ++counts_.reordered;
        fate.arrives = add(fate.arrives, options_.reorder_delay);
    } else {
        fate.arrives = last_arrival_ = std::max(fate.arrives, last_arrival_);
    }
    if (random_.chance(options_.duplicate)) {
        ++counts_.duplicated;
        fate.arrives_again = add(fate.arrives, random_.up_to(options_.jitter));
    }
    corrupt(fate.flipped, 0, size);
    return fate;
}

chunk_fate impairment::chunk(stream_course& course, time_point now, std::size_t size)
{
    chunk_fate fate;
    const std::uint64_t last = std::min(options_.silent_after, options_.cut_after);
    fate.passes = std::min<std::uint64_t>(size, last - std::min(course.passed, last));
    course.passed += fate.passes;
    if (course.passed >= last) {
        const bool cut = options_.cut_after <= options_.silent_after;
        fate.then = cut ? chunk_fate::sequel::cut : chunk_fate::sequel::silence;
        counts_.silenced += fate.passes < size ? 1 : 0;
    }
    counts_.bytes += fate.passes;
    fate.arrives = add(sent(now, fate.passes), options_.delay + random_.up_to(options_.jitter));
    duration resent_after = duration::zero();
    for (std::size_t offset = 0; offset < fate.passes; offset += segment_size) {
        ++counts_.packets;
        const auto waited = resend();
        if (!waited) {  // nobody tells its writer
            fate.passes = offset;
            fate.then = chunk_fate::sequel::silence;
            break;
        }
        resent_after = std::max(resent_after, *waited);
        corrupt(fate.flipped, offset, std::min(segment_size, fate.passes - offset));
    }
    fate.arrives = course.last = std::max(add(fate.arrives, resent_after), course.last);
    return fate;
}

void flip(mutable_bytes content, const std::vector<std::uint64_t>& bits) noexcept
{
    for (const std::uint64_t bit : bits) {
        content[bit / 8] ^= std::byte(1U << bit % 8);
    }
}

}  // namespace libnet::testing
