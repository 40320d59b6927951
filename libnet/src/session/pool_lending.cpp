#include "pool_state.hpp"

#include <utility>

/// Borrowing and giving back.
namespace libnet::detail {

readiness pool_state::try_borrow()
{
    if (home_ != nullptr) {
        const time_point t = recent();
        while (const auto n = rules_.lend_now(t, home_->random())) {
            if (hand_out(*n)) {
                handed_out_ = *n;
                refusal_ = {};
                if (rules_.wants_more()) {
                    wake();
                }
                return readiness::value;
            }
            put_back(*n, lending::comes_back::gone);
        }
        refusal_ = rules_.why_not(now());
    } else {
        refusal_ = rules_.why_not({});
    }
    return refusal_ != error{} ? readiness::failure : readiness::pending;
}

result<lease> pool_state::take_borrowed()
{
    if (refusal_ != error{}) {
        return failed<lease>(refusal_);
    }
    return result<lease>(boost::system::in_place_value, lease(shared_from_this(), handed_out_));
}

void pool_state::wait_to_borrow(operation_waiter<lease>& w)
{
    if (home_ == nullptr) {
        settle_in(w.home());
    }
    wish* mine = free_wishes_;
    if (mine != nullptr) {
        free_wishes_ = mine->next_free;
    } else {
        mine = &wishes_.emplace_back();
    }
    mine->who = &w;
    w.arguments.first = reinterpret_cast<std::uintptr_t>(mine);
    rules_.wait(*mine, now());
    wake();
}

void pool_state::withdraw(operation_waiter<lease>& w) noexcept
{
    if (auto* const mine = reinterpret_cast<wish*>(w.arguments.first)) {
        rules_.withdraw(*mine);
        mine->next_free = std::exchange(free_wishes_, mine);
    }
}

void pool_state::answer(lending::claim& whose, result<lease> outcome) noexcept
{
    auto& served = static_cast<wish&>(whose);
    operation_waiter<lease>& who = *served.who;
    served.next_free = std::exchange(free_wishes_, &served);
    who.complete(std::move(outcome));
}

/// Makes it the borrower's, unless it is gone: ended, or with something in it that nobody asked for.
bool pool_state::hand_out(std::size_t n) noexcept
{
    slot& p = places_[n];
    connection_core& c = core(p);
    c.end_watch(p.on_input);
    if (c.has_unread_input() || c.transport().look() != stream::outlook::quiet) {
        return false;
    }
    p.sent = c.messages_sent();
    p.received = c.frames().messages;
    p.lent = true;
    return true;
}

lending::comes_back pool_state::judge(std::size_t n, bool trusted) noexcept
{
    using party = connection_ending::party;
    slot& p = places_[n];
    connection_core& c = core(p);
    if (c.has_unread_input()) {
        const connection_ending ending = c.ending();
        const bool by_itself = ending.who == party::session || ending.who == party::owner ||
                               ending.why == error::lifetime_exceeded;
        return by_itself ? lending::comes_back::unfit : lending::comes_back::broken;
    }
    const bool paired = c.messages_sent() - p.sent == c.frames().messages - p.received;
    return paired || trusted ? lending::comes_back::fit : lending::comes_back::unfit;
}

void pool_state::put_back(std::size_t n, lending::comes_back how) noexcept
{
    slot& p = places_[n];
    p.lent = false;
    if (home_ == nullptr || home_->shutting_down()) {
        p.peer.reset();
        return;
    }
    const loop::turn this_turn(*home_);
    const bool somebody_waits = rules_.stats().waiting != 0;
    const time_point t = somebody_waits ? now() : recent();
    const bool stays = rules_.returned(n, how, t, home_->random());
    if (!stays) {
        p.peer.reset();
    }
    if (somebody_waits) {
        serve(t);
    }
    if (p.peer && !p.lent) {
        watch_idle(n);
    }
    if (!stays || draining_ || rules_.wants_more() || due_ > add(t, soonest_)) {
        wake();
    }
}

/// Lends what there is to those who wait.
void pool_state::serve(time_point t) noexcept
{
    for (;;) {
        const auto loan = rules_.next_loan(t, home_->random());
        if (loan.what == lending::action::kind::none) {
            return;
        }
        deliver(loan, t);
    }
}

void pool_state::deliver(const lending::action& loan, time_point t) noexcept
{
    if (hand_out(loan.place)) {
        answer(*loan.whose,
               result<lease>(boost::system::in_place_value, lease(shared_from_this(), loan.place)));
        return;
    }
    rules_.wait_again(*loan.whose, t);
    rules_.returned(loan.place, lending::comes_back::gone, t, home_->random());
    take_off(loan.place);
    wake();
}

/// Nobody has it any more.
void pool_state::take_off(std::size_t n) noexcept
{
    slot& p = places_[n];
    if (p.peer) {
        core(p).end_watch(p.on_input);
        p.peer.reset();
    }
}

/// The peer's end shows at once, and not only when somebody wants to send.
void pool_state::watch_idle(std::size_t n) noexcept
{
    slot& p = places_[n];
    if (!core(p).watch_while_idle(p.on_input)) {
        lose(n);
    }
}

void pool_state::lose(std::size_t n) noexcept
{
    rules_.lost(n, now(), home_->random());
    take_off(n);
    wake();
}

}  // namespace libnet::detail
