#include <libnet/runtime/limiter.hpp>

#include <libnet/core/error.hpp>
#include <libnet/core/list_node.hpp>
#include <libnet/runtime/clock.hpp>
#include <libnet/runtime/fiber.hpp>

#include <algorithm>

namespace libnet {

namespace detail {

/// The rules, the queue, and one alarm for whoever is the first in it.
class limiter_state : public std::enable_shared_from_this<limiter_state> {
public:
    limiter_state(loop& home, const limiter_options& options)
        : home_(&home), longest_wait_(options.longest_wait), rules_(options.limit)
    {
        home.at_shutdown(farewell_);
    }

    loop& home() const noexcept { return *home_; }

    readiness try_to_begin() const noexcept
    {
        return rules_.has_room()  ? readiness::value
               : rules_.is_full() ? readiness::failure
                                  : readiness::pending;
    }

    result<permit> take()
    {
        return rules_.ask() == concurrency_limit::decision::begin ? let_in() : refuse();
    }

    void wait(operation_waiter<permit>& w)
    {
        const time_point now = home_->now();
        const time_point deadline = w.promise->in_scope->first_due();
        const duration left = deadline == end_of_time ? never : deadline - now;
        if (rules_.ask(std::min(left, longest_wait_)) == concurrency_limit::decision::refuse) {
            w.complete(refuse());  // which only queues it
            return;
        }
        note_arrival(w, now);
        queue_.push_back(w);
        arm_for_first();
    }

    void give_up(operation_waiter<permit>& w) noexcept
    {
        w.unlink();
        rules_.leave_queue();
        arm_for_first();
    }

    void end(time_point began, concurrency_limit::outcome how) noexcept
    {
        if (home_ == nullptr || home_->shutting_down()) {
            return;
        }
        rules_.end(began, home_->now(), how);
        if (!queue_.empty()) {
            const loop::turn this_turn(*home_);
            let_waiting_in();
        }
    }

    limiter_stats stats() const noexcept
    {
        limiter_stats all = counted_;
        all.limit = rules_.limit();
        all.running = rules_.running();
        all.waiting = rules_.waiting();
        return all;
    }

private:
    struct alarm : timer_node {
        explicit alarm(limiter_state& l) noexcept
            : timer_node([](timer_node& node) { static_cast<alarm&>(node).of->refuse_overdue(); }),
              of(&l)
        {
        }
        limiter_state* of;
    };

    struct farewell : work_node {
        explicit farewell(limiter_state& l) noexcept : of(&l)
        {
            run = [](work_node& node) { static_cast<farewell&>(node).of->home_ = nullptr; };
        }
        limiter_state* of;
    };

    result<permit> let_in()
    {
        ++counted_.let_in;
        return result<permit>(boost::system::in_place_value,
                              permit(shared_from_this(), home_->now()));
    }

    result<permit> refuse() noexcept
    {
        ++counted_.refused;
        return error::limit_reached;
    }

    void let_waiting_in() noexcept
    {
        const time_point now = home_->now();
        while (rules_.next()) {
            operation_waiter<permit>& first = queue_.pop_front();
            const duration waited = now - arrival_of(first);
            ++counted_.waited;
            counted_.wait_time += waited;
            counted_.longest_wait = std::max(counted_.longest_wait, waited);
            first.complete(let_in());
        }
        arm_for_first();
    }

    void refuse_overdue() noexcept
    {
        const time_point now = home_->now();
        while (!queue_.empty() && add(arrival_of(queue_.front()), longest_wait_) <= now) {
            rules_.leave_queue();
            queue_.pop_front().complete(refuse());
        }
        arm_for_first();
    }

    void arm_for_first() noexcept
    {
        const time_point due =
            queue_.empty() ? end_of_time : add(arrival_of(queue_.front()), longest_wait_);
        if (due != alarm_.due || !alarm_.armed()) {
            home_->time().arm(alarm_, due);
        }
    }

    // A waiter has two words for whoever serves it.
    static void note_arrival(operation_waiter<permit>& w, time_point when) noexcept
    {
        const auto ticks = static_cast<std::uint64_t>(when.time_since_epoch().count());
        w.arguments = {.first = static_cast<std::uint32_t>(ticks),
                       .second = static_cast<std::uint32_t>(ticks >> 32)};
    }
    static time_point arrival_of(const operation_waiter<permit>& w) noexcept
    {
        const auto ticks = std::uint64_t{w.arguments.second} << 32 | w.arguments.first;
        return time_point(duration(static_cast<duration::rep>(ticks)));
    }

    loop* home_;
    duration longest_wait_;
    concurrency_limit rules_;
    limiter_stats counted_;
    node_list<operation_waiter<permit>> queue_;
    alarm alarm_{*this};
    farewell farewell_{*this};
};

namespace {

limiter_state& state_of(void* source) noexcept
{
    return *static_cast<limiter_state*>(source);
}

constexpr operation_vtable<permit> acquiring{
    [](void* s, operation_arguments) { return state_of(s).try_to_begin(); },
    [](void* s) { return state_of(s).take(); },
    [](void* s, operation_waiter<permit>& w) { state_of(s).wait(w); },
    [](void* s, operation_waiter<permit>& w) noexcept { state_of(s).give_up(w); },
    [](void* s) -> loop& { return state_of(s).home(); },
};

}  // namespace

}  // namespace detail

limiter::limiter(loop& home, const limiter_options& options)
    : state_(std::make_shared<detail::limiter_state>(home, options))
{
}

limiter::~limiter() = default;

operation<permit> limiter::acquire()
{
    return {state_.get(), detail::acquiring};
}

limiter_stats limiter::stats() const noexcept
{
    return state_->stats();
}

void permit::end(concurrency_limit::outcome how) noexcept
{
    if (const auto of = std::exchange(of_, nullptr)) {
        of->end(began_, how);
    }
}

}  // namespace libnet
