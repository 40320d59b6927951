#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/result.hpp>

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

/// Which answer is for which request: what a session of `requests` writes down.
namespace libnet::detail {

/// The oldest request is answered first.
template <class Ticket>
class calls_in_order {
public:
    template <class Codec>
    auto encode(Codec& codec, const Ticket& t)
    {
        return codec.encode(t.request());
    }
    void add(Ticket t)
    {
        if (answered_ != 0 && calls_.size() == calls_.capacity()) {
            forget_answered();
        }
        calls_.push_back(std::move(t));
    }
    std::size_t size() const noexcept { return calls_.size() - answered_; }
    void forget_unwanted() noexcept {}  // their answers come even so

    /// False if it answers nothing.
    template <class Codec>
    bool answer(Codec& codec, bytes frame)
    {
        if (size() == 0) {
            return false;
        }
        Ticket asked = std::move(calls_[answered_++]);
        if (size() == 0) {
            calls_.clear();
            answered_ = 0;
        }
        settle(asked, codec.decode(frame));
        return true;
    }

private:
    template <class T>
    static void settle(Ticket& t, result<T> answer)
    {
        answer ? t.answer(std::move(*answer)) : t.fail(answer.error());
    }
    template <class T>
    static void settle(Ticket& t, T answer)
    {
        t.answer(std::move(answer));
    }

    /// Twice the room that they need, so that each is moved twice at most.
    void forget_answered()
    {
        std::vector<Ticket> waiting;
        waiting.reserve(2 * size() + 1);
        for (std::size_t i = answered_; i != calls_.size(); ++i) {
            waiting.push_back(std::move(calls_[i]));
        }
        calls_.swap(waiting);
        answered_ = 0;
    }

    std::vector<Ticket> calls_;
    std::size_t answered_ = 0;  // of them, at the front
};

/// Answers say which request they are for.
template <class Ticket>
class calls_by_number {
public:
    template <class Codec>
    auto encode(Codec& codec, const Ticket& t)
    {
        return codec.encode(t.request(), next_);
    }
    void add(Ticket t) { calls_.emplace(next_++, std::move(t)); }
    std::size_t size() const noexcept { return calls_.size(); }
    void forget_unwanted()
    {
        std::erase_if(calls_, [](const auto& c) { return !c.second.wanted(); });
    }

    template <class Codec>
    bool answer(Codec& codec, bytes frame)
    {
        auto decoded = codec.decode(frame);  // result<std::pair<std::uint64_t, Response>>
        if (!decoded || decoded->first >= next_) {
            return false;
        }
        if (const auto asked = calls_.find(decoded->first); asked != calls_.end()) {
            asked->second.answer(std::move(decoded->second));
            calls_.erase(asked);
        }
        return true;
    }

private:
    std::uint64_t next_ = 0;
    std::unordered_map<std::uint64_t, Ticket> calls_;
};

}  // namespace libnet::detail
