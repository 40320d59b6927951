#pragma once

#include <libnet/core/list_node.hpp>
#include <libnet/core/result.hpp>
#include <libnet/core/time.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
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
        entry& remembered = *known->second;
        if (now >= remembered.good_until) {
            places_.erase(known);
            return nullptr;
        }
        remembered.unlink();
        by_use_.push_back(remembered);
        return &remembered.answer;
    }

    /// Remembers an answer from now on, in the place of an earlier one.
    void keep(std::string_view key, result<Value> answer, time_point now)
    {
        if (const auto known = places_.find(key); known != places_.end()) {
            places_.erase(known);
        }
        const duration life =
            answer.has_value() ? options_.time_to_live : options_.failure_time_to_live;
        if (life <= duration::zero() || options_.entries == 0) {
            return;
        }
        if (places_.size() >= options_.entries) {
            places_.erase(places_.find(by_use_.front().key));
        }
        auto kept = std::make_unique<entry>(std::string(key), std::move(answer), add(now, life));
        entry& newest = *kept;
        places_.emplace(newest.key, std::move(kept));
        by_use_.push_back(newest);
    }

    /// Forgets all answers.
    void clear() noexcept { places_.clear(); }

    /// How many answers are kept, stale ones included.
    std::size_t size() const noexcept { return places_.size(); }

private:
    struct entry : detail::list_node {
        entry(std::string of, result<Value> found, time_point until)
            : key(std::move(of)), answer(std::move(found)), good_until(until)
        {
        }
        std::string key;
        result<Value> answer;
        time_point good_until;
    };

    lookup_cache_options options_;
    std::unordered_map<std::string_view, std::unique_ptr<entry>> places_;  // by its own key
    detail::node_list<entry> by_use_;  // those that were asked for last come last
};

}  // namespace libnet
