#include "udp_core.hpp"

#include <boost/system/errc.hpp>

#include <new>
#include <utility>

namespace libnet::detail {
namespace {

/// So many answers of the kernel to others than the one at hand are heard before this one is given up.
constexpr int most_attempts = 16;

}  // namespace

udp_core::udp_core(std::unique_ptr<datagram_channel> channel, udp_options options)
    : channel_(std::move(channel)),
      options_(std::move(options)),
      local_(channel_->local()),
      largest_segment_(channel_->largest_segment()),
      inbox_(*this, options_.max_datagram)
{
    flush_later_.core = this;
    flush_later_.run = [](work_node& node) {
        auto& core = *static_cast<core_node&>(node).core;
        const events_reference alive(core);
        core.transmit();
    };
    deliver_later_.core = this;
    deliver_later_.run = [](work_node& node) {
        auto& core = *static_cast<core_node&>(node).core;
        const events_reference alive(core);
        core.deliver();
    };
    at_shutdown_.core = this;
    at_shutdown_.run = [](work_node& node) { static_cast<core_node&>(node).core->close(); };
    home().at_shutdown(at_shutdown_);
}

udp_core::~udp_core() = default;

// --- input -----------------------------------------------------------------------------------------

/// What was fetched is worked off, so what was handed out is no longer looked at.
readiness udp_core::poll_receive()
{
    inbox_.current = nullptr;
    if (!queue_.empty() && !blocked_) {
        transmit();
    }
    if (failure_) {
        return readiness::failure;
    }
    if (more_ && !blocked_ && fetch() && inbox_.next()) {
        return readiness::value;
    }
    if (ending_input_ && !blocked_) {
        finish_input();
    }
    if (failure_) {
        return readiness::failure;
    }
    if (!blocked_) {
        batch_.reset();
    }
    return readiness::pending;
}

void udp_core::wait_datagram(operation_waiter<datagram>& w)
{
    receiver_ = &w;
    if (!blocked_) {
        wait_for_input();
    }
}

void udp_core::abandon_datagram() noexcept
{
    receiver_ = nullptr;
    withdraw_waits();
}

void udp_core::withdraw_waits() noexcept
{
    if (waiting_ && !failure_) {
        withdrawn_ = true;
        writing_withdrawn_ = blocked_;
        channel_->cancel_waits();
    }
}

void udp_core::wait_for_input()
{
    if (!waiting_) {
        waiting_ = true;
        channel_->wait_readable(*this);
    }
}

/// What was fetched is worked off. What woke us may have been an answer to something that was sent.
void udp_core::wait_for_more()
{
    inbox_.current = nullptr;
    batch_.reset();
    if (std::exchange(nothing_came_, false)) {
        take_errors();
    }
    if (ending_input_) {
        finish_input();
    } else if (!failure_) {
        wait_for_input();
    }
}

void udp_core::end_input() noexcept
{
    if (failure_ || std::exchange(ending_input_, true)) {
        return;
    }
    const events_reference alive(*this);
    const loop::turn this_turn(home());
    more_ = true;  // perhaps: nobody has looked
    go_on_receiving();
}

void udp_core::finish_input()
{
    if (!deliver_) {
        close();
    } else if (!std::exchange(input_ended_, true)) {
        deliver_();
    }
}

/// False if there was nothing.
bool udp_core::fetch()
{
    try {
        if (!batch_) {
            batch_ = take_batch();
        }
    } catch (const std::bad_alloc&) {
        fail(make_error_code(boost::system::errc::not_enough_memory));
        return false;
    }
    more_ = false;
    for (int attempt = 0; attempt < most_attempts; ++attempt) {
        ++receive_calls_;
        const auto count = channel_->receive(batch_->slots);
        if (count) {
            inbox_.upcoming = batch_->slots.data();
            inbox_.end = inbox_.upcoming + *count;
            inbox_.rest = {};
            more_ = *count == batch_->slots.size();
            nothing_came_ = *count == 0;
            return *count != 0;
        }
        // What a peer answered to something that was sent is none of this socket's business.
        if (!take_errors() && attempt + 1 == most_attempts) {
            fail(count.error());
        }
    }
    return false;
}

void udp_core::on_read(const error_code& failed, std::size_t)
{
    waiting_ = false;
    if (std::exchange(withdrawn_, false) && failed == error::cancelled && !failure_) {
        if (!blocked_ && (receiver_ != nullptr || deliver_)) {
            wait_for_input();  // there is somebody again
        }
        return;
    }
    if (failed) {
        fail(failed == error::cancelled ? make_error_code(error::closed) : failed);
        return;
    }
    more_ = true;
    go_on_receiving();
}

/// There may be something, and somebody waits for it.
void udp_core::go_on_receiving()
{
    if (blocked_ || failure_ || input_ended_) {
        return;
    }
    if (deliver_) {
        if (!deliver_later_.linked()) {
            deliver();
        }
    } else if (receiver_ != nullptr) {  // else the next receive() looks
        if (inbox_.next() || (more_ && fetch() && inbox_.next())) {
            std::exchange(receiver_, nullptr)->complete(datagram(inbox_));
        } else if (!failure_) {
            wait_for_more();
        }
    }
}

/// Some of what was fetched. Behind those who were woken, what they answer leaves, and the rest comes.
void udp_core::deliver()
{
    if (blocked_ || failure_ || input_ended_ || !deliver_) {
        return;
    }
    if (!inbox_.empty() || (more_ && fetch())) {
        deliver_();
        flush_later_.unlink();
        home().ready(flush_later_);
        home().ready(deliver_later_);
    } else if (!failure_) {
        wait_for_more();
    }
}

void udp_core::deliver_to(std::function<void()> handler)
{
    deliver_ = std::move(handler);
    if (deliver_ && !failure_) {
        wait_for_input();
    } else {
        withdraw_waits();
    }
}

void udp_core::tell_errors_to(std::function<void(const datagram_error&)> handler)
{
    tell_ = std::move(handler);
}

// --- output ----------------------------------------------------------------------------------------

result<> udp_core::send(const socket_address& to, const ip_address& from, bytes payload)
{
    if (failure_) {
        return failure_;
    }
    if (payload.size() > datagram_queue::longest) {
        return error::frame_too_large;
    }
    if (!queue_.add(to, from, payload, largest_segment_)) [[unlikely]] {
        if (!blocked_) {
            transmit();
        }
        if (!queue_.add(to, from, payload, largest_segment_)) {
            return error::limit_reached;
        }
    }
    if (!blocked_ && !flush_later_.linked()) {
        home().defer(flush_later_);
    }
    return {};
}

/// Hands what has gathered to the channel, until all has left or it takes no more.
void udp_core::transmit() noexcept
{
    flush_later_.unlink();
    int attempts = 0;
    while (!queue_.empty() && !failure_) {
        ++send_calls_;
        const auto pending = queue_.pending();
        const std::size_t of_first = datagram_queue::count(pending.front());
        const auto taken = channel_->send(pending);
        if (taken && *taken != 0) {
            for (const queued_datagrams& done : pending.first(*taken)) {
                sent_ += datagram_queue::count(done);
            }
            if (*taken < pending.size()) {
                take_errors();  // an answer to one of them, which the channel had no other way to tell
            }
            queue_.consume(*taken);
            attempts = 0;
            continue;
        }
        sent_ += of_first - datagram_queue::count(pending.front());
        if (taken) {
            blocked_ = true;
            hold_input();
            channel_->wait_writable(*this);
            return;
        }
        // Perhaps it tells of an earlier one; then this one can be sent all the same.
        const bool told = take_errors();
        if (++attempts > (told ? most_attempts : 1)) {
            give_up_on_first(taken.error());
            attempts = 0;
        }
    }
    largest_segment_ = channel_->largest_segment();
    answer_flushers();
}

/// Or replies to it would find no room.
void udp_core::hold_input() noexcept
{
    held_ = {inbox_.rest, inbox_.upcoming, inbox_.end};
    inbox_.rest = {};
    inbox_.upcoming = inbox_.end = nullptr;
}

void udp_core::give_input_back() noexcept
{
    inbox_.rest = held_.rest;
    inbox_.upcoming = held_.upcoming;
    inbox_.end = held_.end;
    held_ = {};
}

void udp_core::give_up_on_first(const error_code& why) noexcept
{
    const queued_datagrams& first = queue_.pending().front();
    unsent_ += datagram_queue::count(first);
    const datagram_error told{.peer = first.to, .why = why};
    queue_.consume(1);
    tell(told);
}

readiness udp_core::poll_flush()
{
    if (!queue_.empty() && !blocked_) {
        transmit();
    }
    if (failure_) {
        return readiness::failure;
    }
    return queue_.empty() ? readiness::value : readiness::pending;
}

void udp_core::on_write(const error_code& failed, std::size_t)
{
    if (std::exchange(writing_withdrawn_, false) && failed == error::cancelled && !failure_) {
        channel_->wait_writable(*this);
        return;
    }
    blocked_ = false;
    if (failed) {
        fail(failed == error::cancelled ? make_error_code(error::closed) : failed);
        return;
    }
    transmit();
    if (!blocked_ && !failure_) {
        give_input_back();
        go_on_receiving();
    }
}

void udp_core::answer_flushers()
{
    while (!flushers_.empty()) {
        flushers_.pop_front().complete(failure_ ? failed<void>(failure_) : result<>());
    }
}

// --- errors ----------------------------------------------------------------------------------------

/// Whether there was one.
bool udp_core::take_errors() noexcept
{
    bool any = false;
    while (const auto told = channel_->take_error()) {
        any = true;
        ++errors_;
        tell(*told);
    }
    return any;
}

void udp_core::tell(const datagram_error& e) noexcept
{
    if (tell_) {
        tell_(e);
    }
    if (options_.on_error) {
        options_.on_error(e);
    }
}

void udp_core::fail(const error_code& why)
{
    if (failure_) {
        return;
    }
    failure_ = why;
    inbox_.current = nullptr;
    inbox_.upcoming = inbox_.end = nullptr;
    inbox_.rest = {};
    held_ = {};
    flush_later_.unlink();
    if (receiver_ != nullptr) {
        std::exchange(receiver_, nullptr)->complete(failure_);
    }
    answer_flushers();
    if (deliver_) {
        deliver_();  // and finds that it has failed
    }
}

void udp_core::close() noexcept
{
    if (failure_) {
        return;
    }
    const events_reference alive(*this);
    if (!queue_.empty() && !blocked_) {
        transmit();
    }
    fail(error::closed);
    channel_->close();
}

udp_stats udp_core::stats() const noexcept
{
    udp_stats now = stats_from_outside();
    now.dropped = channel_->dropped();
    return now;
}

udp_stats udp_core::stats_from_outside() const noexcept
{
    return {.received = inbox_.received,
            .sent = sent_,
            .dropped = channel_->dropped_as_told(),
            .unsent = unsent_,
            .errors = errors_,
            .receive_calls = receive_calls_,
            .send_calls = send_calls_};
}

}  // namespace libnet::detail
