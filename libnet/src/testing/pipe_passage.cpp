#include "pipe.hpp"

#include <utility>

/// What is under way between the ends of a pipe. Where nothing lies in between it has arrived when it
/// sets off.
namespace libnet::testing {

void stream_pair::pipe::set_off()
{
    if (between_ == nullptr) {
        arrived_ += std::exchange(held_, 0);
        return;
    }
    if (held_ == 0 || lost_) {
        return;
    }
    if (under_way_.size() == under_way_.capacity()) {
        under_way_.reserve(2 * under_way_.size() + 2);
    }
    const mutable_bytes content = mutable_bytes(waiting_).last(held_);
    const chunk_fate fate = between_->depart(content);
    flip(content, fate.flipped);
    if (fate.passes != 0) {
        held_ -= fate.passes;
        under_way_.push_back({fate.passes, fate.arrives});
        take_in();
    }
    lost_ = fate.then != chunk_fate::sequel::goes_on;
    if (fate.then == chunk_fate::sequel::cut) {
        between_->cut();
    }
}

void stream_pair::pipe::end_sets_off()
{
    if (between_ == nullptr) {
        end_ = end_state::arrived;
    } else if (end_ == end_state::held && held_ == 0 && !lost_ && !writer_reset_) {
        end_arrives_ = between_->end_departs();
        if (end_arrives_ != end_of_time) {
            end_ = end_state::under_way;
            take_in();
        }
    }
}

void stream_pair::pipe::try_again()
{
    set_off();
    end_sets_off();
    move_on();
}

/// What has arrived until now counts as such, and the clock is set for what comes next.
void stream_pair::pipe::take_in()
{
    const time_point now = home_.now();
    auto next = under_way_.begin();
    for (; next != under_way_.end() && next->arrives <= now; ++next) {
        between_->arrived(bytes(waiting_).subspan(arrived_, next->size));
        arrived_ += next->size;
        if (reader_gone_ || reader_reset_) {
            discard(arrived_);
            between_->unwanted();
        }
    }
    under_way_.erase(under_way_.begin(), next);
    if (end_ == end_state::under_way && under_way_.empty() && end_arrives_ <= now) {
        end_ = end_state::arrived;
        between_->end_arrived();
    }
    const time_point end = end_ == end_state::under_way ? end_arrives_ : end_of_time;
    const time_point due = under_way_.empty() ? end : under_way_.front().arrives;
    if (!arrival_.armed() || arrival_.due != due) {
        home_.time().arm(arrival_, due);
    }
}

void stream_pair::pipe::arrive()
{
    take_in();
    move_on();
}

}  // namespace libnet::testing
