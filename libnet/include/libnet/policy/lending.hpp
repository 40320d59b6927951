#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/error.hpp>
#include <libnet/core/list_node.hpp>
#include <libnet/core/time.hpp>
#include <libnet/policy/circuit_breaker.hpp>
#include <libnet/policy/lending_options.hpp>
#include <libnet/policy/lending_stats.hpp>
#include <libnet/policy/outlier_ejection.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace libnet {

/// The rules of a pool: which connection to lend, open, check, drop, and whom of the waiting to
/// serve. A pure state machine: it is told what happened and answers what to do; connections are
/// numbers to it, of places from 0 up to max_size.
///
///             open                  lend
///     free ---------> opening -> idle <----> lent
///       ^                |       ^  |          |      free again: failed, lost, expired, broken,
///       |                |       |  v check    |                  discarded
///       +----------------+------ checking -----+
///
///     if (auto place = rules.lend_now(now, random)) ...             // without waiting
///     else if (why = rules.why_not(now); !why) rules.wait(claim, now);
///     for (auto a = rules.next(now, random); a.what != none; ...)   // then, and at due()
///
/// Cost     lending and taking back a few dozen instructions and no allocation; next() and due() look
///          at every place.
class LIBNET_ASIO_DECL lending {
public:
    /// Somebody who waits: a part of whoever that is.
    struct claim : detail::list_node {
        time_point since{};  ///< when it began to wait
    };

    /// What the caller has to do next.
    struct action {
        /// Which it is.
        enum class kind : unsigned char {
            none,
            open,    ///< connect `place` to `endpoint`; then opened() or open_failed()
            check,   ///< `place`; then checked() or check_failed()
            drop,    ///< close `place`, which is free again
            lend,    ///< `place` to `whose`, who no longer waits; then returned()
            refuse,  ///< tell `whose` `why`, who no longer waits
        };
        kind what = kind::none;    ///< nothing, if there is nothing to do
        std::size_t place = 0;     ///< which connection
        std::size_t endpoint = 0;  ///< to which of the endpoints
        claim* whose = nullptr;    ///< who gets it, or is refused
        error why{};               ///< of a refusal
    };

    /// How a connection comes back.
    enum class comes_back : unsigned char {
        fit,     ///< between two calls
        unfit,   ///< in the middle of something; which says nothing about the server
        broken,  ///< it ended by an error
        gone,    ///< it was found to have ended before anybody used it
    };

    /// Errors   throws std::invalid_argument for no endpoints, a max_size of 0, a min_idle above it, and
    ///          for what backoff, circuit_breaker and outlier_ejection do not take.
    lending(std::size_t endpoints, const lending_options& options);
    ~lending();

    /// Lends one that is idle and needs no check, if nobody waits for it.
    std::optional<std::size_t> lend_now(time_point now, std::uint64_t random) noexcept;

    /// Why nobody may wait now: draining, circuit_open, pool_exhausted; nothing: wait().
    error why_not(time_point now) noexcept;

    /// A borrower comes, or gives up before it got anything.
    void wait(claim& whose, time_point now) noexcept;
    void withdraw(claim& whose) noexcept;

    /// What it was just lent, at `now`, is gone: it waits on, before all others.
    void wait_again(claim& whose, time_point now) noexcept;

    /// What became of an action. false: drop it at once, its place is free.
    bool opened(std::size_t place, time_point now, std::uint64_t random) noexcept;
    void open_failed(std::size_t place, time_point now, std::uint64_t random) noexcept;
    bool checked(std::size_t place, time_point now) noexcept;
    void check_failed(std::size_t place, time_point now, std::uint64_t random) noexcept;
    bool returned(std::size_t place, comes_back how, time_point now, std::uint64_t random) noexcept;

    /// An idle one has ended, or has received what nobody asked for.
    void lost(std::size_t place, time_point now, std::uint64_t random) noexcept;

    /// What to do next. Again, until there is nothing.
    action next(time_point now, std::uint64_t random) noexcept;

    /// The next one to be lent to somebody who waits; the part of next() that cannot wait itself.
    action next_loan(time_point now, std::uint64_t random) noexcept;

    /// The next one who waits in vain; likewise.
    action next_refusal(time_point now) noexcept;

    /// When next() has to be called, at the latest, if nothing else happens. To be asked when next()
    /// has answered that there is nothing to do at `now`.
    time_point due(time_point now) const noexcept;

    /// Lends no more, and drops what is idle or comes back.
    void drain() noexcept { draining_ = true; }

    /// Of all endpoints together, as of now.
    const lending_stats& stats() const noexcept { return stats_; }
    /// Whether borrowers wait for connections that are not on their way, or too few are ready.
    bool wants_more() const noexcept;

    /// Of one endpoint, by its place in the list.
    circuit state_of(std::size_t endpoint) const noexcept;
    bool ejected(std::size_t endpoint, time_point now) const noexcept;
    std::size_t size_of(std::size_t endpoint) const noexcept;
    std::size_t in_use_of(std::size_t endpoint) const noexcept;

private:
    enum class phase : unsigned char { free, opening, idle, checking, lent };
    struct member;
    struct target;

    bool is_fresh(const member& m, time_point now) const noexcept;
    bool is_worn(const member& m, time_point now) const noexcept { return worn_at(m) <= now; }
    bool is_doubtful(const member& m, time_point now) const noexcept;
    time_point worn_at(const member& m) const noexcept;
    member* stale_one(time_point now) noexcept;
    bool is_usable(std::size_t e, time_point now) const noexcept;
    bool may_open(std::size_t e, time_point now) const noexcept;
    time_point may_open_at(std::size_t e, time_point now) const noexcept;
    bool is_hopeless(time_point now) const noexcept;
    std::size_t coming() const noexcept { return stats_.opening + stats_.checking; }

    std::optional<std::size_t> pick_to_lend(time_point now, std::uint64_t random) noexcept;
    std::optional<std::size_t> pick_to_open(time_point now) noexcept;
    bool can_lend_from(std::size_t e, time_point now) const noexcept;
    std::size_t lend(std::size_t e, time_point now) noexcept;

    struct unevenness;
    std::optional<unevenness> uneven(time_point now) const noexcept;
    std::size_t fullest() const noexcept;
    bool moves_away(const member& m, time_point now) noexcept;
    action even_out(time_point now, std::uint64_t random) noexcept;
    action finish_moving(time_point now) noexcept;

    action drop_worn(time_point now) noexcept;
    action supply(time_point now) noexcept;
    action look_after_idle(time_point now) noexcept;
    action make_room(time_point now) noexcept;
    action open_one(time_point now) noexcept;
    action open_at(std::size_t e, time_point now) noexcept;
    action begin_check(member& m) noexcept;
    action drop(member& m) noexcept;
    action refuse(error why) noexcept;

    void enter(member& m, phase next) noexcept;
    std::size_t& count_of(phase p) noexcept;
    void trouble(const member& m, time_point now, std::uint64_t random,
                 duration unanswered) noexcept;
    void blame(std::size_t e, time_point now, std::uint64_t random) noexcept;

    lending_options options_;
    std::vector<member> members_;
    std::vector<target> targets_;
    outlier_ejection outliers_;
    detail::node_list<claim> claims_;
    lending_stats stats_;
    std::size_t free_;                      // places
    std::size_t turn_ = 0;                  // of the endpoints
    time_point even_out_at_ = end_of_time;  // when a connection moves; not planned
    std::optional<std::size_t> moving_to_;  // its place is free
    bool has_moved_ = false;                // there is one, and another has to go for it
    bool draining_ = false;
};

}  // namespace libnet
