#pragma once

#include <libnet/core/result.hpp>
#include <libnet/core/time.hpp>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace libnet {

/// How long answers are good for, and how many are kept.
struct lookup_cache_options {
    /// How long an answer is good for. The system does not say what the name's own time to live is,
    /// so it is a short one: a server that moves is found again soon.
    duration time_to_live = std::chrono::seconds(30);

    /// The same for a failure: long enough that a crowd asks once, short enough that nobody waits for
    /// it after it was mended.
    duration failure_time_to_live = std::chrono::seconds(1);

    /// What is remembered at most; then those that were not asked for the longest are forgotten.
    std::size_t entries = 1024;
};

/// Answers to questions, for as long as they are good. Time is an argument.
///
/// Cost     find() a look-up by hash; keep() an allocation or three.
template <class Value>
class lookup_cache {
public:
    /// Empty.
    explicit lookup_cache(lookup_cache_options options = {}) noexcept : options_(options) {}

    /// The answer, or the failure, that is still good; null if there is none. Valid until the next
    /// call of keep() or clear().
    const result<Value>* find(std::string_view key, time_point now)
    {
        const auto known = places_.find(key);
        if (known == places_.end()) {
            return nullptr;
        }
        if (now >= known->second->good_until) {
            forget(known->second);
            return nullptr;
        }
        entries_.splice(entries_.begin(), entries_, known->second);
        return &known->second->answer;
    }

    /// Remembers an answer from now on, in the place of an earlier one.
    void keep(std::string_view key, result<Value> answer, time_point now)
    {
        if (const auto known = places_.find(key); known != places_.end()) {
            forget(known->second);
        }
        const duration life =
            answer.has_value() ? options_.time_to_live : options_.failure_time_to_live;
        if (life <= duration::zero() || options_.entries == 0) {
            return;
        }
        if (entries_.size() == options_.entries) {
            forget(std::prev(entries_.end()));
        }
        entries_.push_front({std::string(key), std::move(answer), add(now, life)});
        places_.emplace(entries_.front().key, entries_.begin());
    }

    /// Forgets all answers.
    void clear() noexcept
    {
        places_.clear();
        entries_.clear();
    }

    /// How many answers are kept, stale ones included.
    std::size_t size() const noexcept { return entries_.size(); }

private:
    struct entry {
        std::string key;
        result<Value> answer;
        time_point good_until;
    };
    using place = typename std::list<entry>::iterator;

    void forget(place which)
    {
        places_.erase(which->key);
        entries_.erase(which);
    }

    lookup_cache_options options_;
    std::list<entry> entries_;  // those that were asked for last come first
    std::unordered_map<std::string_view, place> places_;
};

}  // namespace libnet
