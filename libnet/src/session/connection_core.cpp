#include "connection_core.hpp"

#include <algorithm>
#include <utility>

namespace libnet::detail {

namespace {

/// Of plain frames that can be no heartbeats.
plain_sizes sizes_of_messages(std::size_t most, const std::optional<heartbeat>& beats) noexcept
{
    if (most == 0 || (beats && beats->recognise)) {
        return {};
    }
    const std::size_t least = beats ? std::max(beats->ping.size(), beats->pong.size()) + 1 : 0;
    return {least, most >= least ? most - least + 1 : 0};
}

}  // namespace

connection_core::connection_core(std::unique_ptr<stream> transport,
                                 std::shared_ptr<const connection_settings> settings)
    : of_time([](timer_node& node) { whole_of<of_time>(node).look_at_deadlines(); }),
      loop_(transport->home()),
      stream_(std::move(transport)),
      settings_(std::move(settings)),
      waiting_since_(recent()),
      last_moved_(loop_.now()),
      pulse_(settings_->options.heartbeat ? std::make_unique<pulse>(recent()) : nullptr),
      input_(settings_->input),
      framing_(settings_->options.framing),
      account_(settings_->budget ? std::make_unique<account>(*this) : nullptr),
      opened_(last_moved_)
{
    const std::size_t plain_most = framing_.plain_most();
    out_.plain_most = std::min(plain_most, direct_write - 1);
    inbox_.plain = sizes_of_messages(plain_most, settings_->options.heartbeat);
    flush_later().run = [](work_node& node) { whole_of<of_flushing>(node).flush_and_note(); };
    read_later().run = [](work_node& node) {
        connection_core& core = whole_of<of_reading>(node);
        if (core.somebody_receives() && !core.reading_ && !core.closed_) {
            core.read_now();
        }
    };
    if (const duration lifetime = settings_->options.lifetime; lifetime != never) {
        const auto most = static_cast<std::uint64_t>(lifetime.count() / 10 + 1);
        lifetime_due_ = add(opened_, lifetime - duration(loop_.random() % most));
    }
    watch(next_deadline());
    loop_.enter();
    if (settings_->budget) {
        settings_->budget->enter(*account_, loop_);
    }
}

connection_core::~connection_core()
{
    if (link_) {
        link_->core = nullptr;
        while (!link_->letters.empty()) {
            delete &link_->letters.pop_front();
        }
    }
    if (closing_) {
        end_.~closing();
    }
    if (settings_->budget) {
        settings_->budget->leave(*account_);
    }
    loop_.exit();
}

// ---- the end ------------------------------------------------------------------------------------

void connection_core::fail(const error_code& why)
{
    if (!has_failed()) {
        failed_during_ = phase();
        failure_.set(why ? why : make_error_code(error::closed));
        out_.gathers_until = 0;
        inbox_.forget_found();
        if (link_) {
            link_->alive = false;
        }
    }
    answer_receiver(failure_.error());
    while (!senders_.empty()) {
        static_cast<operation_waiter<void>&>(senders_.pop_front()).complete(failure_.error());
    }
}

/// The stream itself failed, or we gave up on it: nothing that is queued can be delivered.
void connection_core::break_off(const error_code& why)
{
    broken_ = true;
    out_.clear();
    stop_gathering();
    fail(why);
    while (!flushers_.empty()) {
        static_cast<operation_waiter<void>&>(flushers_.pop_front()).complete(failure_.error());
    }
    while (has_letters()) {
        letter& unsent = link_->letters.pop_front();
        link_->queued -= connection_link::cost_of(unsent.payload);
        delete &unsent;
    }
    if (closing_) {
        finish_close({});
    }
}

/// Somebody who watches is only told, and soon: whoever is told will destroy us.
void connection_core::answer_receiver(const error_code& why)
{
    if (work_node* const waiting = std::exchange(receiver_, nullptr)) {
        switch (receives_) {
        case reception::frame: waiter_for<bytes>(*waiting).complete(why); break;
        case reception::batch: waiter_for<std::span<const bytes>>(*waiting).complete(why); break;
        case reception::watch: loop_.ready(*waiting); break;
        }
    }
}

void connection_core::abandon() noexcept
{
    const events_reference until_done(*this);
    const loop::turn this_turn(loop_);  // whoever still waits ends before the owner has gone
    release();                          // the owner's
    if (closed_) {
        return;
    }
    if (loop_.shutting_down()) {
        fail(error::closed);
        finish_close(error::closed);
        return;
    }
    begin_close();
    if (!closed_) {
        end_.self = events_reference(*this);
        loop_.at_shutdown(end_);
    }
}

void connection_core::enter_closing() noexcept
{
    if (!closing_) {
        closing_ = true;
        ::new (static_cast<void*>(&end_)) closing(*this);
        end_.run = [](work_node& node) {
            static_cast<closing&>(node).core->finish_close(error::closed);
        };
    }
}

void connection_core::begin_close()
{
    if (closing_) {
        return;
    }
    fail(error::closed);
    enter_closing();
    if (broken_) {
        finish_close({});
        return;
    }
    end_.due = std::min(add(loop_.now(), settings_->options.close_timeout), close_by_);
    watch(end_.due);
    flush();
    go_on_closing();
}

void connection_core::close_within(duration limit) noexcept
{
    close_by_ = add(loop_.now(), limit);
    if (closing_) {
        end_.due = std::min(end_.due, close_by_);
        watch(end_.due);
    }
}

/// Flush, half-close, discard until the peer's end. Called whenever one of them has moved on.
void connection_core::go_on_closing()
{
    if (!closing_ || closed_) {
        return;
    }
    if (unsent() == 0 && !writing_ && !half_closed_) {
        half_closed_ = true;
        if (stream_->shutdown_send()) {
            finish_close({});  // the peer has gone already
            return;
        }
        end_.due = std::min(end_.due, add(loop_.now(), stream_->end_timeout()));
        watch(end_.due);
    }
    // Who has given no sign of life for so long will not say goodbye either.
    if (end_of_input_ || failure_.error() == error::heartbeat_timeout) {
        if (half_closed_) {
            finish_close({});
        }
    } else if (
        !reading_) {  // also while output waits: the peer may have to be rid of its own first
        inbox_.clear();
        inbox_.needed = 0;
        read_now();
    }
}

void connection_core::finish_close(error why) noexcept
{
    if (closed_) {
        return;
    }
    enter_closing();
    closed_ = broken_ = true;
    close_failure_ = why;
    stop_gathering();
    read_later().unlink();
    end_.unlink();
    if (alarm().armed()) {
        alarm().armed_on->disarm(alarm());
    }
    if (link_) {
        link_->alive = false;
    }
    stream_->close();
    while (!flushers_.empty()) {
        static_cast<operation_waiter<void>&>(flushers_.pop_front()).complete(failure_.error());
    }
    while (!end_.closers.empty()) {
        static_cast<operation_waiter<void>&>(end_.closers.pop_front()).complete(take_close());
    }
    const events_reference last = std::move(end_.self);  // may be the end of *this
}

readiness connection_core::poll_close()
{
    if (!closing_) {
        begin_close();
    }
    if (!closed_) {
        return readiness::pending;
    }
    return close_failure_ != error{} ? readiness::failure : readiness::value;
}

result<> connection_core::take_close() const
{
    return close_failure_ != error{} ? result<>(close_failure_) : result<>();
}

void connection_core::wait_close(operation_waiter<void>& w)
{
    end_.closers.push_back(w);
}

// ---- what is known ------------------------------------------------------------------------------

connection_info connection_core::info() const
{
    return {.peer = stream_->peer(),
            .local = stream_->local(),
            .opened = opened_,
            .bytes_received = bytes_received_,
            .bytes_sent = bytes_sent_,
            .messages_received = inbox_.messages,
            .messages_sent = out_.messages,
            .messages_refused = messages_refused_,
            .refusal = messages_refused_ != 0 ? make_error_code(last_refusal_) : error_code(),
            .messages_dropped = messages_dropped_,
            .age = loop_.now() - opened_,
            .idle =
                moved_ ? duration::zero() : std::max(duration::zero(), loop_.now() - last_moved_),
            .round_trip = pulse_ ? pulse_->round_trip : std::nullopt,
            .unread = inbox_.received.size() - inbox_.handed_out,
            .unsent = unsent(),
            .memory = memory(),
            .kernel = stream_->statistics(),
            .security = stream_->security(),
            .proxy = stream_->proxy() != nullptr ? std::optional(*stream_->proxy()) : std::nullopt,
            .ended = failure_.error()};
}

connection_ending connection_core::ending() const noexcept
{
    using party = connection_ending::party;
    if (has_failed()) {
        const error_code why = failure_.error();
        return {.who = party_behind(why), .during = failed_during_, .why = why};
    }
    if (end_of_input_) {
        return {.who = party::peer, .during = failed_during_, .why = error::closed};
    }
    if (draining_ != error{}) {
        return {.who = party_behind(draining_), .during = phase(), .why = draining_};
    }
    return {.who = party::session, .during = phase(), .why = error::closed};
}

connection_ending::phase connection_core::phase() const noexcept
{
    using phase = connection_ending::phase;
    if (writing_) {
        return phase::sending;
    }
    if (!inbox_.has_frames() && inbox_.received.size() > inbox_.handed_out) {
        return phase::receiving;
    }
    if (inbox_.messages == 0) {
        return phase::opening;
    }
    return somebody_receives() ? phase::idle : phase::working;
}

std::shared_ptr<connection_link> connection_core::link()
{
    if (!link_) {
        auto made = std::make_shared<connection_link>();
        made->box = loop_.remote();
        link_ = std::move(made);
        link_->core = this;
        link_->limit = settings_->options.high_water_mark;
        link_->alive = !has_failed() && !closed_;
    }
    return link_;
}

}  // namespace libnet::detail
