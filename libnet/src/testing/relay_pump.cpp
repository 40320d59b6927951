#include "relay_pump.hpp"

#include <libnet/core/error.hpp>
#include <libnet/core/literals.hpp>

#include <algorithm>
#include <sys/socket.h>
#include <utility>

namespace libnet::testing {
namespace {

/// So that the peer sees a reset and no end, where there is a kernel that can do so.
void close_with_reset(stream& s) noexcept
{
    if (const int descriptor = s.native_handle(); descriptor >= 0) {
        const linger at_once{1, 0};
        (void)::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    s.close();
}

}  // namespace

relay_link::relay_link(std::shared_ptr<stream> client, std::shared_ptr<stream> target,
                       impairment& there, impairment& back, std::size_t under_way)
    : client_(std::move(client)), target_(std::move(target)), ended_(client_->home())
{
    pumps_[0] = new relay_pump(*this, client_, target_, there, under_way);
    owned_[0] = events_reference(*pumps_[0]);
    pumps_[1] = new relay_pump(*this, target_, client_, back, under_way);
    owned_[1] = events_reference(*pumps_[1]);
    for (relay_pump* const pump : pumps_) {
        pump->start();
    }
}

relay_link::~relay_link()
{
    for (relay_pump* const pump : pumps_) {
        pump->leave();
    }
    client_->close();
    target_->close();
}

void relay_link::one_has_ended()
{
    if (--running_ == 0) {
        ended_.expires_after(duration::zero());
    }
}

void relay_link::reset() noexcept
{
    for (relay_pump* const pump : pumps_) {
        pump->leave();
    }
    close_with_reset(*client_);
    close_with_reset(*target_);
    ended_.expires_after(duration::zero());
}

relay_pump::delivery::delivery(relay_pump& p) noexcept
    : timer_node([](timer_node& node) { static_cast<delivery&>(node).owner.deliver(); }), owner(p)
{
}

relay_pump::relay_pump(relay_link& link, std::shared_ptr<stream> from, std::shared_ptr<stream> to,
                       impairment& line, std::size_t under_way)
    : link_(&link),
      from_(std::move(from)),
      to_(std::move(to)),
      line_(line),
      most_under_way_(under_way),
      room_(16_KiB),
      next_(*this)
{
}

void relay_pump::leave() noexcept
{
    link_ = nullptr;
    from_->home().time().arm(next_, end_of_time);
}

void relay_pump::read()
{
    if (!reading_ && !stopped_ && under_way_ < most_under_way_) {
        reading_ = true;
        from_->read_some(room_, *this);
    }
}

void relay_pump::on_read(const error_code& failed, std::size_t count)
{
    reading_ = false;
    if (link_ == nullptr) {
        return;
    }
    if (!failed) {
        depart(mutable_bytes(room_).first(count));
        return;
    }
    if (failed != error::closed) {
        link_->reset();
        return;
    }
    stopped_ = true;
    const chunk_fate fate = line_.chunk(course_, from_->home().now(), 0);
    if (fate.then == chunk_fate::sequel::goes_on) {
        end_arrives_ = fate.arrives;
        deliver();
    }
}

void relay_pump::depart(mutable_bytes content)
{
    const chunk_fate fate = line_.chunk(course_, from_->home().now(), content.size());
    flip(content, fate.flipped);
    if (fate.passes != 0) {
        const auto passing = content.first(fate.passes);
        parcels_.push_back({{passing.begin(), passing.end()}, fate.arrives});
        under_way_ += fate.passes;
    }
    stopped_ = fate.then != chunk_fate::sequel::goes_on;
    cuts_ = fate.then == chunk_fate::sequel::cut;
    if (cuts_ && parcels_.empty()) {
        end_arrives_ = time_point::min();
    } else if (cuts_) {
        end_arrives_ = parcels_.back().arrives;
    }
    deliver();
}

/// Writes what has arrived, and sets the clock for what comes next.
void relay_pump::deliver()
{
    const time_point now = from_->home().now();
    while (!writing_ && !parcels_.empty() && parcels_.front().arrives <= now) {
        if (!write(bytes(parcels_.front().content).subspan(of_the_first_))) {
            return;
        }
    }
    if (parcels_.empty() && !writing_ && end_arrives_ <= now) {
        end_arrives_ = end_of_time;
        if (cuts_) {
            link_->cut_ = true;
            link_->reset();
        } else {
            (void)to_->shutdown_send();
            link_->one_has_ended();
        }
        return;
    }
    from_->home().time().arm(next_, writing_            ? end_of_time
                                    : parcels_.empty() ? end_arrives_
                                                       : parcels_.front().arrives);
    read();
}

/// False if the link has ended.
bool relay_pump::write(bytes content)
{
    const auto taken = to_->try_write(std::span(&content, 1));
    if (!taken) {
        link_->reset();
        return false;
    }
    written(*taken);
    if (*taken != content.size()) {
        const bytes rest = content.subspan(*taken);
        writing_ = true;
        to_->write_some(std::span(&rest, 1), *this);
    }
    return true;
}

void relay_pump::written(std::size_t count)
{
    under_way_ -= count;
    of_the_first_ += count;
    if (of_the_first_ == parcels_.front().content.size()) {
        of_the_first_ = 0;
        parcels_.pop_front();
    }
}

void relay_pump::on_write(const error_code& failed, std::size_t count)
{
    writing_ = false;
    if (link_ == nullptr) {
        return;
    }
    if (failed) {
        link_->reset();
        return;
    }
    written(count);
    deliver();
}

}  // namespace libnet::testing
