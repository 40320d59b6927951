#pragma once

#include <libnet/core/list_node.hpp>
#include <libnet/policy/admission.hpp>
#include <libnet/runtime/loop.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace libnet::detail {

/// The admission of a server, which all of its shards ask: its limits hold for the whole. The lock is
/// taken when a client comes and when one goes, and for no message.
///
/// Threads  any.
class admission_gate {
public:
    explicit admission_gate(const admission_limits& limits) noexcept : rules_(limits) {}

    /// Somebody who accepts on a thread of its own, and has to know when others make room. In the list
    /// as long as it lives.
    class acceptor : public list_node {
    public:
        /// `look_again` is called on the thread of `box`.
        acceptor(admission_gate& gate, std::shared_ptr<mailbox> box,
                 std::function<void()> look_again);
        acceptor(const acceptor&) = delete;
        acceptor& operator=(const acceptor&) = delete;
        ~acceptor();

    private:
        friend class admission_gate;

        admission_gate& gate_;
        std::shared_ptr<mailbox> box_;
        std::function<void()> look_again_;
        bool waits_ = false;
    };

    // As admission has them.

    admission::decision ask(const ip_address& who, time_point now)
    {
        const std::lock_guard lock(mutex_);
        return rules_.ask(who, now);
    }

    admission::decision recount(const ip_address& before, const ip_address& now_as)
    {
        const std::lock_guard lock(mutex_);
        return rules_.recount(before, now_as);
    }

    /// Whoever waits for room somewhere else is told.
    void leave(const ip_address& who) noexcept;

    /// If that is later, `waiting`, if there is one, is told of the next who leaves.
    time_point when_next(time_point now, acceptor* waiting) noexcept;

    void set_limits(const admission_limits& limits, time_point now) noexcept;

    /// Before anybody has asked.
    void begin_with(const admission_limits& limits)
    {
        const std::lock_guard lock(mutex_);
        rules_ = admission(limits);
    }

    /// `waiting` waits for something that somebody who leaves may free: a descriptor.
    void wait(acceptor& waiting) noexcept
    {
        const std::lock_guard lock(mutex_);
        waiting.waits_ = true;
    }

private:
    void tell_those_who_wait() noexcept;

    std::mutex mutex_;  // of all that follows
    admission rules_;
    node_list<acceptor> acceptors_;
};

}  // namespace libnet::detail
