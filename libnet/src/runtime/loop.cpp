#include "stall_watch.hpp"

#include <libnet/runtime/fiber.hpp>
#include <libnet/runtime/loop.hpp>

namespace libnet {

loop::loop(clock& c) noexcept : clock_(&c) {}

loop::~loop() = default;

void loop::work_off() noexcept
{
    if (watch_) [[unlikely]] {
        work_off_watched();
        return;
    }
    for (std::size_t done = 0; !ready_.empty() && done < turn_limit_; ++done) {
        detail::work_node& work = ready_.pop_front();
        work.run(work);
        while (next_) {
            std::exchange(next_, {}).resume();
        }
    }
}

/// The same with an eye on the clock.
void loop::work_off_watched() noexcept
{
    watch_piece();  // what began the turn
    for (std::size_t done = 0; !ready_.empty() && done < turn_limit_; ++done) {
        detail::work_node& work = ready_.pop_front();
        if (watch_) {
            watch_->piece_of(detail::fiber::resumed_by(work));
        }
        work.run(work);
        while (next_) {
            std::exchange(next_, {}).resume();
        }
        watch_piece();
    }
}

void loop::on_stall(std::function<void(const stall_report&)> tell, duration longest)
{
    watch_.reset();
    if (tell && longest != never) {
        watch_ = std::make_unique<detail::stall_watch>(std::move(tell), longest, now());
    }
}

void loop::watch_turn() noexcept
{
    if (depth_ == 1) {
        watch_->piece_begins(now());
    }
}

void loop::watch_piece() noexcept
{
    stall_report report;
    if (watch_ && watch_->piece_ended(now(), report)) {
        const auto tell = watch_->tell();  // a copy, since it may replace itself
        tell(report);
        if (watch_) {
            watch_->piece_begins(now());
        }
    }
}

void loop::forget(const detail::fiber& destroyed) noexcept
{
    if (watch_) {
        watch_->forget(destroyed);
    }
}

void loop::run_deferred() noexcept
{
    turn this_turn(*this);
    ready_.take_from(deferred_);
}

std::uint64_t loop::random() noexcept
{
    // SplitMix64: any seed will do, also the next number.
    std::uint64_t mixed = random_ += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
    return mixed ^ (mixed >> 31);
}

void loop::destroy_fibers() noexcept
{
    shutting_down_ = true;
    watch_.reset();
    turn last(*this);  // wakes that destructors cause are queued and forgotten
    while (!fibers_.empty()) {
        delete static_cast<detail::fiber*>(&fibers_.front());
    }
    while (!at_shutdown_.empty()) {
        detail::work_node& work = at_shutdown_.pop_front();
        work.run(work);
    }
    detail::node_list<detail::work_node> forgotten;
    forgotten.take_from(ready_);
    forgotten.take_from(deferred_);
}

}  // namespace libnet
