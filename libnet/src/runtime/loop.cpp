#include <libnet/runtime/fiber.hpp>
#include <libnet/runtime/loop.hpp>

namespace libnet {

void loop::work_off() noexcept
{
    for (std::size_t done = 0; !ready_.empty() && done < turn_limit_; ++done) {
        detail::work_node& work = ready_.pop_front();
        work.run(work);
        while (next_) {
            std::exchange(next_, {}).resume();
        }
    }
}

void loop::run_deferred() noexcept
{
    turn this_turn(*this);
    ready_.take_from(deferred_);
}

void loop::destroy_fibers() noexcept
{
    shutting_down_ = true;
    turn last(*this);  // wakes that destructors cause are queued and forgotten
    while (!fibers_.empty()) {
        delete &fibers_.front();
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
