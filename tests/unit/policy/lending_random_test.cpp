#include "support/seeds.hpp"

#include <libnet/core/literals.hpp>
#include <libnet/policy/lending.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace {

using namespace libnet;
using tests::for_each_seed;
using tests::randomness;
using kind = lending::action::kind;
using comes_back = lending::comes_back;

/// A pool as its users see it: what was promised to whom, kept apart from the rules.
class model {
public:
    model(randomness& random, std::size_t endpoints, const lending_options& options)
        : random_(random), options_(options), rules_(endpoints, options)
    {
        good_.assign(endpoints, 90);
    }

    void run(int rounds)
    {
        for (int i = 0; i != rounds && !testing::Test::HasFailure(); ++i) {
            something_happens();
            settle();
            look();
        }
        // In the end everything works, and nobody is left behind.
        std::ranges::fill(good_, 100);
        for (int i = 0; i != 3000 && !(claims_.empty() && lent_.empty()); ++i) {
            end_what_is_under_way();
            while (!lent_.empty()) {
                give_back(*lent_.begin(), comes_back::fit);
            }
            settle();
            now_ = std::min(rules_.due(now_), now_ + 1s);
            settle();
        }
        EXPECT_TRUE(claims_.empty());
        rules_.drain();
        end_what_is_under_way();
        settle();
        EXPECT_EQ(rules_.stats().size, 0U);
        EXPECT_EQ(created_, dropped_);
    }

private:
    enum class busy { opening, checking };

    bool works(std::size_t endpoint) { return random_.below(100) < good_[endpoint]; }

    void something_happens()
    {
        switch (random_.below(10)) {
        case 0:
        case 1:
        case 2: borrow(); break;
        case 3:
        case 4:
            if (!lent_.empty()) {
                const auto which = *std::next(
                    lent_.begin(), static_cast<std::ptrdiff_t>(random_.below(lent_.size())));
                give_back(which, random_.one_in(8)            ? comes_back::unfit
                                 : works(endpoint_of_[which]) ? comes_back::fit
                                                              : comes_back::broken);
            }
            break;
        case 5:
        case 6: end_what_is_under_way(); break;
        case 7:
            if (!idle_.empty() && random_.one_in(3)) {
                const std::size_t which = *idle_.begin();
                idle_.erase(which);
                ++dropped_;
                rules_.lost(which, now_, random_());
            } else if (!claims_.empty()) {
                const auto which = random_.below(claims_.size());
                rules_.withdraw(*claims_[which]);
                claims_.erase(claims_.begin() + static_cast<std::ptrdiff_t>(which));
            }
            break;
        case 8:
            if (random_.one_in(10)) {
                good_[random_.below(good_.size())] = random_.one_in(2) ? 0 : 95;
            }
            break;
        default: now_ += duration(random_.below(std::uint64_t{1} << random_.below(35)));
        }
    }

    void borrow()
    {
        if (const auto place = rules_.lend_now(now_, random_())) {
            ASSERT_TRUE(claims_.empty());
            take(*place);
        } else if (rules_.why_not(now_) == error{}) {
            claims_.push_back(std::make_unique<lending::claim>());
            rules_.wait(*claims_.back(), now_);
            ASSERT_LE(claims_.size(), options_.max_waiting);
        }
    }

    void take(std::size_t place)
    {
        ASSERT_EQ(idle_.erase(place), 1U);
        ASSERT_TRUE(lent_.insert(place).second) << "lent twice";
    }

    void give_back(std::size_t place, comes_back how)
    {
        lent_.erase(place);
        const bool stays = rules_.returned(place, how, now_, random_());
        stays ? static_cast<void>(idle_.insert(place)) : static_cast<void>(++dropped_);
        ASSERT_FALSE(stays && how != comes_back::fit);
    }

    void end_what_is_under_way()
    {
        for (const auto& [place, what] : std::exchange(under_way_, {})) {
            const bool good = works(endpoint_of_[place]);
            bool stays = good;
            if (what == busy::opening) {
                created_ += good ? 1 : 0;
                good ? static_cast<void>(stays = rules_.opened(place, now_, random_()))
                     : rules_.open_failed(place, now_, random_());
                dropped_ += good && !stays ? 1 : 0;
            } else {
                good ? static_cast<void>(stays = rules_.checked(place, now_))
                     : rules_.check_failed(place, now_, random_());
                dropped_ += stays ? 0 : 1;
            }
            if (stays) {
                idle_.insert(place);
            }
        }
    }

    void settle()
    {
        for (;;) {
            const auto a = rules_.next(now_, random_());
            switch (a.what) {
            case kind::none: return;
            case kind::open:
                endpoint_of_[a.place] = a.endpoint;
                ASSERT_TRUE(under_way_.emplace(a.place, busy::opening).second);
                ASSERT_FALSE(idle_.contains(a.place) || lent_.contains(a.place));
                break;
            case kind::check:
                ASSERT_EQ(idle_.erase(a.place), 1U);
                ASSERT_TRUE(under_way_.emplace(a.place, busy::checking).second);
                break;
            case kind::drop:
                ASSERT_EQ(idle_.erase(a.place), 1U);
                ++dropped_;
                break;
            case kind::lend: take(a.place); [[fallthrough]];
            case kind::refuse:
                ASSERT_EQ(claims_.front().get(), a.whose) << "out of order";
                claims_.pop_front();
                break;
            }
        }
    }

    void look()
    {
        const lending_stats& s = rules_.stats();
        ASSERT_EQ(s.idle, idle_.size());
        ASSERT_EQ(s.in_use, lent_.size());
        ASSERT_EQ(s.waiting, claims_.size());
        ASSERT_EQ(s.opening + s.checking, under_way_.size());
        ASSERT_EQ(s.size, idle_.size() + lent_.size() + under_way_.size());
        ASSERT_LE(s.size, options_.max_size);
        std::size_t all = 0;
        for (std::size_t e = 0; e != good_.size(); ++e) {
            all += rules_.size_of(e);
        }
        ASSERT_EQ(all, s.size);
        ASSERT_GT(rules_.due(now_), now_);  // or a driver would spin
        if (!claims_.empty()) {
            ASSERT_LE(rules_.due(now_), claims_.front()->since + options_.borrow_timeout);
        }
        // Nothing changes before that is due.
        if (const time_point due = rules_.due(now_); due != end_of_time) {
            ASSERT_EQ(rules_.next(due - 1ns, random_()).what, kind::none);
        }
    }

    randomness& random_;
    lending_options options_;
    lending rules_;
    time_point now_{1h};
    std::vector<std::uint64_t> good_;  // percent of what is tried at an endpoint that works
    std::map<std::size_t, std::size_t> endpoint_of_;
    std::map<std::size_t, busy> under_way_;
    std::set<std::size_t> idle_;
    std::set<std::size_t> lent_;
    std::deque<std::unique_ptr<lending::claim>> claims_;
    std::uint64_t created_ = 0;
    std::uint64_t dropped_ = 0;
};

TEST(Lending, AtRandomKeepsItsPromises)
{
    for_each_seed(15, [](randomness& random) {
        const std::size_t max_size = 1 + random.below(8);
        const bool checks = random.one_in(2);
        model(random, 1 + random.below(3),
              {.max_size = max_size,
               .min_idle = random.below(max_size + 1),
               .max_waiting = random.below(10),
               .borrow_timeout = 1s * (1 + random.below(10)),
               .max_lifetime = 1min * (1 + random.below(30)),
               .idle_timeout = 1s * (5 + random.below(60)),
               .check_after = checks ? duration(10s) : never,
               .check_every = checks ? duration(30s) : never,
               .balance = random.one_in(2) ? balance::round_robin : balance::least_loaded})
            .run(1000);
    });
}

}  // namespace
