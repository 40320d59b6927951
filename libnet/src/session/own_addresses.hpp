#pragma once

#include <libnet/core/ip_address.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <new>
#include <vector>

namespace libnet::detail {

/// The addresses of ours that peers know, by number: mostly one for a hundred thousand peers. An
/// address is kept as long as somebody uses its number.
class own_addresses {
public:
    static constexpr std::size_t most = std::numeric_limits<std::uint16_t>::max();

    /// One more user of `address`. Throws std::bad_alloc, also if there are too many addresses.
    std::uint16_t use(const ip_address& address)
    {
        if (const auto known = numbers_.find(address); known != numbers_.end()) {
            ++entries_[known->second].users;
            return known->second;
        }
        if (free_.empty() && entries_.size() == most) {
            throw std::bad_alloc();
        }
        if (free_.empty()) {
            free_.reserve(entries_.size() + 1);  // or forget() could fail
            entries_.push_back({});
            free_.push_back(static_cast<std::uint16_t>(entries_.size() - 1));
        }
        const std::uint16_t number = free_.back();
        numbers_.emplace(address, number);
        free_.pop_back();
        entries_[number] = {.address = address, .users = 1};
        return number;
    }

    /// One less.
    void forget(std::uint16_t number) noexcept
    {
        if (--entries_[number].users == 0) {
            numbers_.erase(entries_[number].address);
            free_.push_back(number);
        }
    }

    const ip_address& operator[](std::uint16_t number) const noexcept
    {
        return entries_[number].address;
    }

private:
    struct entry {
        ip_address address{};
        std::size_t users = 0;
    };

    std::vector<entry> entries_;
    std::vector<std::uint16_t> free_;
    std::map<ip_address, std::uint16_t> numbers_;
};

}  // namespace libnet::detail
