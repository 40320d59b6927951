#include "admission_gate.hpp"

#include <new>

namespace libnet::detail {

admission_gate::acceptor::acceptor(admission_gate& gate, std::shared_ptr<mailbox> box,
                                   std::function<void()> look_again)
    : gate_(gate), box_(std::move(box)), look_again_(std::move(look_again))
{
    const std::lock_guard lock(gate_.mutex_);
    gate_.acceptors_.push_back(*this);
}

admission_gate::acceptor::~acceptor()
{
    const std::lock_guard lock(gate_.mutex_);
    unlink();
}

void admission_gate::leave(const ip_address& who) noexcept
{
    const std::lock_guard lock(mutex_);
    rules_.leave(who);
    tell_those_who_wait();
}

time_point admission_gate::when_next(time_point now, acceptor* waiting) noexcept
{
    const std::lock_guard lock(mutex_);
    const time_point when = rules_.when_next(now);
    if (waiting != nullptr) {
        waiting->waits_ = when > now;
    }
    return when;
}

void admission_gate::set_limits(const admission_limits& limits, time_point now) noexcept
{
    const std::lock_guard lock(mutex_);
    rules_.set_limits(limits, now);
    tell_those_who_wait();
}

/// All of them: which has a client in its backlog, only the kernel knows. Without memory to tell, the
/// next who leaves tries it again, and acceptors look by themselves now and then.
void admission_gate::tell_those_who_wait() noexcept
{
    acceptors_.for_each([](acceptor& a) {
        if (a.waits_) {
            try {
                a.box_->post(a.look_again_);
                a.waits_ = false;
            } catch (const std::bad_alloc&) {
            }
        }
    });
}

}  // namespace libnet::detail
