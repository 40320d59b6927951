#include "datagram_queue.hpp"

#include <algorithm>
#include <cstring>

namespace libnet::detail {
namespace {

bool may_join(const queued_datagrams& last, const socket_address& to, const ip_address& from,
              std::size_t size, std::size_t largest_segment) noexcept
{
    const std::size_t whole = last.payload.size();
    return size != 0 && size <= last.segment && last.segment <= largest_segment &&
           whole % last.segment == 0 && whole + size <= datagram_queue::longest &&
           whole < datagram_queue::most_segments * last.segment && last.to == to &&
           last.from == from;
}

}  // namespace

bool datagram_queue::add(const socket_address& to, const ip_address& from, bytes payload,
                         std::size_t largest_segment)
{
    if (!gathering_) {
        gathering_ = take_gathering();
    }
    if (payload.size() > datagram_gathering::capacity - used_) {
        return false;
    }
    std::byte* const place = gathering_->memory.get() + used_;
    if (next_ != end_) {
        queued_datagrams& last = gathering_->sends[end_ - 1];
        if (may_join(last, to, from, payload.size(), largest_segment)) {
            std::memcpy(place, payload.data(), payload.size());
            last.payload = bytes(last.payload.data(), last.payload.size() + payload.size());
            used_ += payload.size();
            return true;
        }
    }
    if (end_ == datagram_gathering::places) {
        return false;
    }
    queued_datagrams& added = gathering_->sends[end_++];
    added.payload = bytes(place, payload.size());
    added.segment = payload.size();
    added.to = to;
    added.from = from;
    if (!payload.empty()) {
        std::memcpy(place, payload.data(), payload.size());
    }
    used_ += payload.size();
    return true;
}

void datagram_queue::consume(std::size_t count) noexcept
{
    next_ += count;
    if (next_ == end_) {
        next_ = end_ = used_ = 0;
        gathering_.reset();
    }
}

}  // namespace libnet::detail
