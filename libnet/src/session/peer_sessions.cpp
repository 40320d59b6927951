#include "peer_sessions.hpp"

#include <libnet/runtime/frame_pool.hpp>
#include <libnet/runtime/within.hpp>

#include <boost/system/errc.hpp>

#include <cstring>
#include <new>
#include <random>
#include <utility>

namespace libnet::detail {
namespace {

/// Then those who got some have their turn, or the inbox of one would have to hold all that can come
/// at once.
constexpr int at_once = 64;

/// A simulation is the same in every run, its secrets too.
siphash_key secret(loop& home)
{
    if (home.keeps_to_one_thread()) {
        const std::uint64_t first = home.random();
        return {first, home.random()};
    }
    std::random_device device;
    const auto half = [&] { return std::uint64_t{device()} << 32 | device(); };
    const std::uint64_t first = half();
    return {first, half()};
}

peer_message* make_message(bytes payload)
{
    auto* message = ::new (allocate_frame(sizeof(peer_message) + payload.size())) peer_message;
    message->size = payload.size();
    if (!payload.empty()) {
        std::memcpy(message + 1, payload.data(), payload.size());
    }
    return message;
}

void free_message(peer_message* message) noexcept
{
    free_frame(message, sizeof(peer_message) + message->size);
}

/// What a message counts: more than its payload, or empty ones could wait without a bound.
std::size_t cost_of(std::size_t payload) noexcept
{
    return sizeof(peer_message) + payload;
}

}  // namespace

/// The frame of a session that has not begun yet.
struct session_frame {
    explicit session_frame(task<> session) noexcept : frame(task_access<void>::release(session)) {}
    task_access<void>::handle frame;
};

/// A peer, and the task that serves it. The peer is the first base, since it has to outlive the frame
/// that the task destroys.
class peer_sessions::running final : public udp_peer, private session_frame, public fiber {
public:
    running(peer_sessions& all, const socket_address& who, const ip_address& local, bool is_proven)
        : udp_peer(all, who, local, is_proven),
          session_frame(all.serve_(*this)),
          fiber(all.home_, frame, frame.promise(), [](fiber& f) {
              auto& self = static_cast<running&>(f);
              if (self.owner_ != nullptr) {
                  self.owner_->ended(self);
              } else {
                  delete &self;
              }
          })
    {
        inherit(all.parent_);
        describe_by(
            [](const void* whom) -> std::string {
                return static_cast<const udp_peer*>(whom)->address().to_string();
            },
            static_cast<const udp_peer*>(this));
        all.sessions_.push_back(*this);
    }
};

template <class Visitor>
void peer_sessions::for_each_session(Visitor visit)
{
    sessions_.for_each(
        [&](session_place& p) { visit(static_cast<running&>(static_cast<udp_peer&>(p))); });
}

peer_sessions::peer_sessions(udp_core& core, const udp_server::peer_session& serve,
                             const udp_server_options& options, fiber& parent)
    : core_(core),
      home_(core.home()),
      serve_(serve),
      options_(options),
      parent_(parent),
      table_(options.peers, secret(home_)),
      wake_(home_)
{
    if (options.cookie) {
        cookie_.emplace(secret(home_));
    }
}

peer_sessions::~peer_sessions()
{
    core_.deliver_to(nullptr);
    core_.tell_errors_to(nullptr);
    // The loop ends, and destroys their tasks later.
    while (!sessions_.empty()) {
        auto& peer = static_cast<udp_peer&>(sessions_.pop_front());
        if (std::exchange(peer.in_table_, false)) {
            table_.remove(peer);
        }
        peer.owner_ = nullptr;
    }
}

// --- datagrams -------------------------------------------------------------------------------------

void peer_sessions::deal_out() noexcept
{
    if (core_.failure()) {
        failed_ = core_.failure();
        stop();
        return;
    }
    if (core_.input_ended()) {
        wake_.expires_after(duration::zero());
        return;
    }
    const time_point now = home_.now();
    datagram_inbox& inbox = core_.inbox();
    for (int dealt = 0; dealt < at_once && inbox.next(); ++dealt) {
        const datagram received(inbox);
        if (received.truncated()) {
            ++truncated_;
            continue;
        }
        try {
            if (auto* known = static_cast<udp_peer*>(table_.find(received.from()))) {
                receive_from_known(*known, received.payload(), now);
            } else {
                receive_from_stranger(received, now);
            }
        } catch (const std::bad_alloc&) {
            ++overflowed_;
        } catch (...) {
            hook_failed_ = std::current_exception();
            stop();
        }
    }
}

void peer_sessions::receive_from_known(udp_peer& peer, bytes payload, time_point now)
{
    table_.heard(peer, now);
    if (cookie_) {
        if (const auto behind = cookie_->proven(peer.address(), payload, now)) {
            payload = *behind;  // it does not know yet that we know it
        }
    }
    deliver(peer, payload);
}

/// Nothing is kept of a stranger before its address is proven, if that is asked for.
void peer_sessions::receive_from_stranger(const datagram& received, time_point now)
{
    bytes payload = received.payload();
    if (cookie_) {
        const auto behind = cookie_->proven(received.from(), payload, now);
        if (!behind) {
            if (payload.size() * options_.amplification >= address_cookie::size) {
                ++challenged_;
                const auto challenge = cookie_->make(received.from(), now);
                (void)core_.send(received.from(), received.to(), challenge);
            } else {
                ++refused_;
            }
            return;
        }
        payload = *behind;
    }
    // Sessions whose peer has expired, and who have not ended yet, count as well.
    const auto decision =
        active_ >= options_.peers.max_peers ? peer_table::decision::max_peers : table_.ask(now);
    if (decision == peer_table::decision::let_in) {
        begin(received, payload, cookie_.has_value(), now);
        return;
    }
    ++refused_;
    if (options_.on_refused) {
        options_.on_refused(received.from(), decision);
    }
}

void peer_sessions::begin(const datagram& received, bytes payload, bool proven, time_point now)
{
    auto& peer = *new running(*this, received.from(), received.to(), proven);
    ++active_;
    ++accepted_;
    const bool alone = table_.size() == 0;
    try {
        table_.add(peer, now);
    } catch (const std::bad_alloc&) {
        peer.cancel();  // it has not begun, and ends at its first await
        throw;
    }
    peer.in_table_ = true;
    if (alone) {
        wake_.expires_at(table_.when_next());
    }
    if (options_.on_open) {
        options_.on_open(peer);
    }
    deliver(peer, payload);
}

void peer_sessions::deliver(udp_peer& peer, bytes payload)
{
    peer.bytes_received_ += payload.size();
    ++peer.received_;
    const std::size_t cost = cost_of(payload.size());
    if (peer.waiting_ + cost > options_.inbox_size || waiting_ + cost > options_.memory_budget) {
        ++overflowed_;
        return;
    }
    peer_message* const message = make_message(payload);
    peer.waiting_ += static_cast<std::uint32_t>(cost);
    waiting_ += cost;
    (peer.first_ == nullptr ? peer.first_ : peer.last_->next) = message;
    peer.last_ = message;
    if (peer.receiver_ != nullptr) {
        peer.next();
        std::exchange(peer.receiver_, nullptr)->complete(peer.current_->payload());
    }
}

/// An answer to what was sent: nobody is there, or nobody on the way can reach it.
void peer_sessions::cannot_reach(const datagram_error& e) noexcept
{
    if (e.why != boost::system::errc::connection_refused) {
        return;
    }
    if (auto* peer = static_cast<udp_peer*>(table_.find(e.peer))) {
        end(*peer, e.why);
    }
}

// --- sessions --------------------------------------------------------------------------------------

/// Nothing more comes from this peer; its session hears why behind what has come.
void peer_sessions::end(udp_peer& peer, const error_code& why) noexcept
{
    if (std::exchange(peer.in_table_, false)) {
        table_.remove(peer);
    }
    if (!peer.ended_) {
        peer.ended_ = why;
        if (peer.receiver_ != nullptr) {
            std::exchange(peer.receiver_, nullptr)->complete(why);
        }
    }
}

void peer_sessions::ended(running& session) noexcept
{
    const promise_base& promise = session.promise();
    if (std::exchange(session.in_table_, false)) {
        table_.remove(session);
    }
    --active_;
    if (options_.on_close) {
        try {
            const udp_peer& peer = session;
            udp_peer_report report;
            report.peer = peer.address();
            report.reason = peer.ended_ ? peer.ended_ : make_error_code(error::closed);
            if (promise.failed && !peer.ended_) {
                report.reason = promise.failure;
            }
            report.exception = promise.exception;
            report.received = peer.received_;
            report.sent = peer.sent_;
            report.bytes_received = peer.bytes_received_;
            report.bytes_sent = peer.bytes_sent_;
            options_.on_close(report);
        } catch (...) {
            hook_failed_ = std::current_exception();
            stop();
        }
    }
    delete &session;
    if (stopping_ && active_ == 0) {
        wake_.expires_after(duration::zero());
    }
}

void peer_sessions::expire()
{
    while (auto* silent = static_cast<udp_peer*>(table_.expired(home_.now()))) {
        end(*silent, error::idle_timeout);
    }
}

void peer_sessions::stop() noexcept
{
    stopping_ = true;
    wake_.expires_after(duration::zero());
}

task<> peer_sessions::run()
{
    core_.tell_errors_to([this](const datagram_error& e) { cannot_reach(e); });
    core_.deliver_to([this] { deal_out(); });
    while (!stopping_) {
        wake_.expires_at(table_.when_next());
        const auto woken = co_await wake_.wait();
        if (!woken) {
            break;
        }
        expire();
    }
    stopping_ = true;
    (void)co_await shielded(options_.drain_timeout, drain());
    for_each_session([](running& r) { r.cancel(); });
    (void)co_await shielded(never, all_have_ended());
    core_.deliver_to(nullptr);
    if (hook_failed_) {
        std::rethrow_exception(hook_failed_);
    }
    if (failed_) {
        co_await fail(failed_);
    }
}

/// What the kernel has is dealt out, also that of strangers; then sessions hear that nothing follows.
task<> peer_sessions::drain()
{
    core_.end_input();
    while (!core_.input_ended() && !failed_ && !hook_failed_) {
        wake_.expires_at(end_of_time);
        co_await checked(wake_.wait());
    }
    for_each_session([this](running& r) { end(r, error::draining); });
    co_await checked(all_have_ended());
}

task<> peer_sessions::all_have_ended()
{
    while (active_ != 0) {
        wake_.expires_at(end_of_time);
        co_await checked(wake_.wait());
    }
}

void peer_sessions::add_to(udp_server_stats& s) const noexcept
{
    s.accepted = accepted_;
    s.active = active_;
    s.refused = refused_;
    s.challenged = challenged_;
    s.overflowed = overflowed_;
    s.truncated = truncated_;
    s.waiting = waiting_;
}

}  // namespace libnet::detail

namespace libnet {

using detail::peer_message;

struct udp_peer::source {
    static detail::readiness poll(void* self, detail::operation_arguments)
    {
        auto& peer = *static_cast<udp_peer*>(self);
        if (peer.next()) {
            return detail::readiness::value;
        }
        return peer.ended_ ? detail::readiness::failure : detail::readiness::pending;
    }
    static result<bytes> take(void* self)
    {
        const auto& peer = *static_cast<udp_peer*>(self);
        return peer.current_ != nullptr ? result<bytes>(peer.current_->payload())
                                        : result<bytes>(peer.ended_);
    }
    static void start(void* self, detail::operation_waiter<bytes>& w)
    {
        static_cast<udp_peer*>(self)->receiver_ = &w;
    }
    static void abandon(void* self, detail::operation_waiter<bytes>&) noexcept
    {
        static_cast<udp_peer*>(self)->receiver_ = nullptr;
    }
    static loop& home(void* self) { return static_cast<udp_peer*>(self)->home(); }
};

const detail::operation_vtable<bytes> udp_peer::receiving{source::poll, source::take, source::start,
                                                          source::abandon, source::home};

udp_peer::~udp_peer()
{
    drop_current();
    while (next()) {
        drop_current();
    }
}

/// What was handed out is done with; the next one is, if there is one.
bool udp_peer::next() noexcept
{
    drop_current();
    if (first_ == nullptr) {
        return false;
    }
    current_ = std::exchange(first_, first_->next);
    const std::size_t cost = detail::cost_of(current_->size);
    waiting_ -= static_cast<std::uint32_t>(cost);
    if (owner_ != nullptr) {
        owner_->waiting_ -= cost;
    }
    return true;
}

void udp_peer::drop_current() noexcept
{
    if (current_ != nullptr) {
        detail::free_message(std::exchange(current_, nullptr));
    }
}

result<> udp_peer::send(bytes payload)
{
    if (owner_ == nullptr) {
        return error::closed;
    }
    const std::size_t most = owner_->options_.amplification;
    if (!proven_ && most != no_limit && bytes_sent_ + payload.size() > most * bytes_received_) {
        return error::limit_reached;
    }
    const auto accepted = owner_->core_.send(address(), local_, payload);
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
