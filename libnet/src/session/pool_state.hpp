#pragma once

#include "connection_core.hpp"

#include <libnet/session/pool.hpp>

#include <libnet/runtime/group.hpp>
#include <libnet/runtime/loop.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace libnet::detail {

/// A pool behind its handle: the connections of the places that `lending` counts, those who wait, and
/// one task that does what the rules say.
///
/// Sources  pool.cpp what others call, pool_lending.cpp borrowing and giving back, pool_upkeep.cpp
///          making and checking.
class pool_state : public std::enable_shared_from_this<pool_state> {
public:
    pool_state(std::vector<std::string> where, pool_options options);
    ~pool_state();

    task<> run();
    void drain();
    void close();

    // The operation of borrow().
    readiness try_borrow();
    result<lease> take_borrowed();
    void wait_to_borrow(operation_waiter<lease>& w);
    void withdraw(operation_waiter<lease>& w) noexcept;
    loop& home() const;

    // What a lease does.
    connection& at(std::size_t place) noexcept { return *places_[place].peer; }
    std::size_t endpoint_of(std::size_t place) const noexcept { return places_[place].endpoint; }
    lending::comes_back judge(std::size_t place, bool trusted) noexcept;
    void put_back(std::size_t place, lending::comes_back how) noexcept;

    // How a task of run() waits for work.
    readiness poll_work() const noexcept;
    void wait_for_work(operation_waiter<void>& w);
    void stop_waiting_for_work() noexcept;

    const lending_stats& stats() const noexcept { return rules_.stats(); }
    std::vector<pool_endpoint> endpoints() const;

private:
    struct watch : work_node {
        pool_state* pool = nullptr;
        std::size_t place = 0;
    };

    struct slot {
        std::optional<connection> peer;
        std::size_t endpoint = 0;
        std::uint64_t sent = 0;  // messages, when it was lent
        std::uint64_t received = 0;
        bool lent = false;
        watch on_input;
    };

    /// Somebody who waits.
    struct wish : lending::claim {
        operation_waiter<lease>* who = nullptr;
        wish* next_free = nullptr;
    };

    struct alarm : timer_node {
        explicit alarm(pool_state& p) noexcept;
        pool_state* pool;
    };

    connection_core& core(slot& p) const noexcept { return connection_access::core(*p.peer); }
    time_point recent() const noexcept { return home_->time().recent(); }
    time_point now() const noexcept { return home_->now(); }

    // lending
    bool hand_out(std::size_t n) noexcept;
    void take_off(std::size_t n) noexcept;
    void serve(time_point t) noexcept;
    void deliver(const lending::action& loan, time_point t) noexcept;
    void refuse_overdue() noexcept;
    void answer(lending::claim& whose, result<lease> outcome) noexcept;
    void watch_idle(std::size_t n) noexcept;
    void lose(std::size_t n) noexcept;

    // upkeep
    void settle_in(loop& l) noexcept;
    void abandon_loop() noexcept;
    task<> work(group& tasks);
    task<> finish(group& tasks);
    task<> open(std::size_t n, std::size_t endpoint);
    task<connection> make(std::size_t endpoint);
    task<> check(std::size_t n);
    void perform(group& tasks);
    void wake() noexcept;
    void end_lent(error why) noexcept;

    std::vector<std::string> where_;
    pool_options options_;
    lending rules_;
    std::vector<slot> places_;
    std::vector<error_code> last_failures_;  // of endpoints
    duration soonest_;                       // that something becomes due for an idle one

    loop* home_ = nullptr;
    std::size_t handed_out_ = 0;  // to whoever takes it next
    error refusal_{};             // else

    std::deque<wish> wishes_;
    wish* free_wishes_ = nullptr;

    operation_waiter<void>* worker_ = nullptr;
    bool has_work_ = true;
    bool draining_ = false;
    time_point due_ = end_of_time;  // when the worker looks again by itself
    alarm alarm_{*this};
    watch at_shutdown_;
};

}  // namespace libnet::detail
