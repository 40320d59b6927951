#include "peer_sessions.hpp"

#include <libnet/runtime/frame_pool.hpp>
#include <libnet/session/udp_peer.hpp>

#include <boost/system/errc.hpp>

#include <cstring>
#include <new>
#include <utility>

namespace libnet {

namespace detail {

/// A datagram that waits for the session of its peer.
struct peer_message {
    static peer_message* make(bytes payload)
    {
        auto* made = ::new (allocate_frame(sizeof(peer_message) + payload.size())) peer_message;
        made->size = payload.size();
        if (!payload.empty()) {
            std::memcpy(made + 1, payload.data(), payload.size());
        }
        return made;
    }
    static void free(peer_message* message) noexcept
    {
        free_frame(message, sizeof(peer_message) + message->size);
    }

    bytes payload() const noexcept
    {
        return bytes(reinterpret_cast<const std::byte*>(this + 1), size);
    }

    peer_message* next = this;
    std::size_t size = 0;
};

/// More than its payload, or empty ones could wait without a bound.
std::size_t cost_of_message(std::size_t payload) noexcept
{
    return sizeof(peer_message) + payload;
}

}  // namespace detail

using detail::peer_ended;
using detail::peer_message;

struct udp_peer::source {
    static detail::readiness poll(void* self, detail::operation_arguments)
    {
        auto& peer = *static_cast<udp_peer*>(self);
        if (peer.next()) {
            return detail::readiness::value;
        }
        return peer.ended_ != peer_ended::not_yet ? detail::readiness::failure
                                                  : detail::readiness::pending;
    }
    static result<bytes> take(void* self)
    {
        const auto& peer = *static_cast<udp_peer*>(self);
        return peer.handed_out_ ? result<bytes>(peer.current()) : result<bytes>(peer.why_ended());
    }
    static void start(void* self, detail::operation_waiter<bytes>& w)
    {
        auto& peer = *static_cast<udp_peer*>(self);
        peer.receiver_ = &w;
        peer.session_waits_ = true;
    }
    static void abandon(void* self, detail::operation_waiter<bytes>&) noexcept
    {
        (void)static_cast<udp_peer*>(self)->take_receiver();
    }
    static loop& home(void* self) { return static_cast<udp_peer*>(self)->home(); }
};

const detail::operation_vtable<bytes> udp_peer::receiving{source::poll, source::take, source::start,
                                                          source::abandon, source::home};

udp_peer::~udp_peer()
{
    (void)take_receiver();
    while (next()) {}
    if (owner_ != nullptr) {
        owner_->addresses_.forget(local_);
    }
}

// --- its inbox -------------------------------------------------------------------------------------

/// The session has it at once if it waits. Throws std::bad_alloc, and nothing has changed.
void udp_peer::put(bytes payload)
{
    peer_message* const message = peer_message::make(payload);
    detail::operation_waiter<bytes>* const receiver = take_receiver();
    if (newest_ != nullptr) {
        message->next = std::exchange(newest_->next, message);
    }
    newest_ = message;
    const std::size_t cost = detail::cost_of_message(payload.size());
    waiting_ += static_cast<std::uint32_t>(cost);
    owner_->waiting_ += cost;
    if (receiver != nullptr) {
        next();
        receiver->complete(current());
    }
}

/// Nothing more comes; the session hears why behind what has come.
void udp_peer::end(peer_ended why) noexcept
{
    if (ended_ == peer_ended::not_yet) {
        ended_ = why;
        if (auto* const receiver = take_receiver()) {
            receiver->complete(why_ended());
        }
    }
}

error_code udp_peer::why_ended() const noexcept
{
    switch (ended_) {
    case peer_ended::idle: return error::idle_timeout;
    case peer_ended::draining: return error::draining;
    case peer_ended::unreachable: return make_error_code(boost::system::errc::connection_refused);
    case peer_ended::not_yet: break;
    }
    return error::closed;
}

/// Null if nobody waits. From then on there may be messages.
detail::operation_waiter<bytes>* udp_peer::take_receiver() noexcept
{
    if (!session_waits_) {
        return nullptr;
    }
    session_waits_ = false;
    auto* const receiver = receiver_;
    newest_ = nullptr;
    return receiver;
}

/// What was handed out is done with; the next one is, if there is one.
bool udp_peer::next() noexcept
{
    drop_current();
    if (newest_ == nullptr) {
        return false;
    }
    handed_out_ = true;
    const std::size_t cost = detail::cost_of_message(newest_->next->size);
    waiting_ -= static_cast<std::uint32_t>(cost);
    if (owner_ != nullptr) {
        owner_->waiting_ -= cost;
    }
    return true;
}

bytes udp_peer::current() const noexcept
{
    return newest_->next->payload();
}

void udp_peer::drop_current() noexcept
{
    if (!handed_out_) {
        return;
    }
    handed_out_ = false;
    peer_message* const oldest = newest_->next;
    if (oldest == newest_) {
        newest_ = nullptr;
    } else {
        newest_->next = oldest->next;
    }
    peer_message::free(oldest);
}

// --- what it is sent -------------------------------------------------------------------------------

result<> udp_peer::send(bytes payload)
{
    if (owner_ == nullptr) {
        return error::closed;
    }
    const std::size_t most = owner_->options_.amplification;
    if (!proven_ && most != no_limit && bytes_sent_ + payload.size() > most * bytes_received_) {
        return error::limit_reached;
    }
    const auto accepted = owner_->core_.send(address(), owner_->addresses_[local_], payload);
    if (accepted) {
        bytes_sent_ += payload.size();
        ++sent_;
    }
    return accepted;
}

loop& udp_peer::home() const noexcept
{
    return owner_->home_;
}

}  // namespace libnet
