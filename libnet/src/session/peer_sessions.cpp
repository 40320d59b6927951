#include "peer_sessions.hpp"

#include <libnet/runtime/within.hpp>

#include <boost/system/errc.hpp>

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

}  // namespace

/// A peer, and the task that serves it. The peer is the first base, since it has to be there when its
/// session begins, and to outlive the frame that the task destroys.
class peer_sessions::running final : public udp_peer, public fiber {
public:
    running(peer_sessions& all, const socket_address& who, const ip_address& local, bool is_proven)
        : udp_peer(all, who, all.addresses_.use(local), is_proven),
          fiber(all.home_, frame_of(all.serve_(*this)))
    {
        inherit(all.parent_);
    }

    std::string description() const override { return address().to_string(); }

private:
    static task_access<void>::handle frame_of(task<> session) noexcept
    {
        return task_access<void>::release(session);
    }

    void ended() noexcept override
    {
        if (owner_ != nullptr) {
            owner_->ended(*this);
        } else {
            delete this;
        }
    }
};

template <class Visitor>
void peer_sessions::for_each_session(Visitor visit)
{
    const auto visit_peer = [&](peer_entry& p) {
        visit(static_cast<running&>(static_cast<udp_peer&>(p)));
    };
    table_.for_each(visit_peer);
    leaving_.for_each(visit_peer);
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
    for_each_session([this](udp_peer& peer) {
        forget(peer);
        peer.owner_ = nullptr;
    });
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
        leaving_.push_back(peer);
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
    const std::size_t cost = cost_of_message(payload.size());
    if (peer.waiting_ + cost > options_.inbox_size || waiting_ + cost > options_.memory_budget) {
        ++overflowed_;
        return;
    }
    peer.put(payload);
}

/// An answer to what was sent: nobody is there, or nobody on the way can reach it.
void peer_sessions::cannot_reach(const datagram_error& e) noexcept
{
    if (e.why != boost::system::errc::connection_refused) {
        return;
    }
    if (auto* peer = static_cast<udp_peer*>(table_.find(e.peer))) {
        end(*peer, peer_ended::unreachable);
    }
}

// --- sessions --------------------------------------------------------------------------------------

/// Nothing more comes from this peer; its session hears why behind what has come.
void peer_sessions::end(udp_peer& peer, peer_ended why) noexcept
{
    if (peer.in_table_) {
        forget(peer);
        leaving_.push_back(peer);
    }
    peer.end(why);
}

/// What comes from its address from now on is a stranger's.
void peer_sessions::forget(udp_peer& peer) noexcept
{
    if (peer.in_table_) {
        peer.in_table_ = false;
        table_.remove(peer);
    }
}

void peer_sessions::ended(running& session) noexcept
{
    forget(session);
    --active_;
    try {
        report(session);
    } catch (...) {
        hook_failed_ = std::current_exception();
        stop();
    }
    delete &session;
    if (stopping_ && active_ == 0) {
        wake_.expires_after(duration::zero());
    }
}

void peer_sessions::report(const running& session) const
{
    if (!options_.on_close) {
        return;
    }
    const udp_peer& peer = session;
    const task_failure& failure = session.promise().failure;
    udp_peer_report report;
    report.peer = peer.address();
    report.reason = peer.ended_ == peer_ended::not_yet && failure.is_error() ? failure.error()
                                                                             : peer.why_ended();
    report.exception = failure.exception();
    report.received = peer.received_;
    report.sent = peer.sent_;
    report.bytes_received = peer.bytes_received_;
    report.bytes_sent = peer.bytes_sent_;
    options_.on_close(report);
}

void peer_sessions::expire()
{
    while (auto* silent = static_cast<udp_peer*>(table_.expired(home_.now()))) {
        end(*silent, peer_ended::idle);
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
    for_each_session([this](running& r) { end(r, peer_ended::draining); });
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
