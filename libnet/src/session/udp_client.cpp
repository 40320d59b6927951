#include <libnet/session/udp_client.hpp>

#include "../transport/udp_core.hpp"

#include <libnet/core/list_node.hpp>
#include <libnet/policy/address_cookie.hpp>
#include <libnet/runtime/timer.hpp>

#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <utility>

namespace libnet {

/// A request that waits for its answer, in the frame of whoever asked.
struct udp_client::pending {
    pending(state& s, std::uint64_t number, std::string sent);
    pending(const pending&) = delete;
    pending& operator=(const pending&) = delete;
    ~pending();

    void finish(result<std::string> with)
    {
        outcome = std::move(with);
        woken.expires_after(duration::zero());
    }

    state& owner;
    std::uint64_t id;
    std::string datagram;
    std::optional<result<std::string>> outcome;
    timer woken;
};

struct udp_client::state {
    state(udp_socket connected, const udp_client_options& o)
        : options(o), socket(std::move(connected)), core(detail::core_of(socket))
    {
        core.deliver_to([this] { take_answers(); });
        core.tell_errors_to([this](const datagram_error& e) {
            if (e.why == boost::system::errc::connection_refused) {
                fail_all(e.why);
            }
        });
    }
    ~state()
    {
        core.deliver_to(nullptr);
        core.tell_errors_to(nullptr);
    }

    void take_answers();
    void take_challenge(bytes challenge);
    void fail_all(const error_code& why);
    void send(const pending& p);
    std::uint64_t new_id();
    void remember(std::uint64_t id) noexcept { recent[next_recent++ % recent.size()] = id; }
    bool remembers(std::uint64_t id) const noexcept
    {
        const std::size_t count = std::min(next_recent, recent.size());
        return std::find(recent.begin(), recent.begin() + static_cast<std::ptrdiff_t>(count), id) !=
               recent.begin() + static_cast<std::ptrdiff_t>(count);
    }

    udp_client_options options;
    udp_socket socket;
    detail::udp_core& core;
    std::unordered_map<std::uint64_t, pending*> waiting;
    std::array<std::uint64_t, 256> recent{};  // ids of requests that have ended
    std::size_t next_recent = 0;
    std::string cookie;  // goes before each datagram until an answer has come
    udp_client_stats counted;
};

udp_client::pending::pending(state& s, std::uint64_t number, std::string sent)
    : owner(s), id(number), datagram(std::move(sent)), woken(s.core.home())
{
    s.waiting.emplace(id, this);
}

udp_client::pending::~pending()
{
    owner.waiting.erase(id);
    owner.remember(id);
}

void udp_client::state::take_answers()
{
    if (core.failure()) {
        fail_all(core.failure());
        return;
    }
    detail::datagram_inbox& inbox = core.inbox();
    while (inbox.next()) {
        const bytes datagram = inbox.payload;
        if (address_cookie::is_challenge(datagram)) {
            take_challenge(datagram);
            continue;
        }
        const auto id = options.id.read(datagram);
        const auto found = id ? waiting.find(*id) : waiting.end();
        if (found != waiting.end() && !found->second->outcome) {
            cookie.clear();
            found->second->finish(libnet::to_string(options.id.message(datagram)));
        } else if (id && (found != waiting.end() || remembers(*id))) {
            ++counted.duplicates;
        } else {
            ++counted.strange;
        }
    }
}

/// The server does not know us yet, or no longer: what waits goes again, with the proof.
void udp_client::state::take_challenge(bytes challenge)
{
    const auto head = address_cookie::answer(challenge);
    const std::string proof(as_text(head));
    if (proof == cookie) {
        return;  // the answer to a datagram that had left before the proof did
    }
    cookie = proof;
    for (const auto& [id, p] : waiting) {
        if (!p->outcome) {
            send(*p);
        }
    }
}

void udp_client::state::fail_all(const error_code& why)
{
    for (const auto& [id, p] : waiting) {
        if (!p->outcome) {
            p->finish(why);
        }
    }
}

/// What finds no room is as good as lost on the way.
void udp_client::state::send(const pending& p)
{
    (void)core.send({}, {}, as_bytes(cookie.empty() ? p.datagram : cookie + p.datagram));
}

/// Nobody can guess it, so nobody who does not see the requests can make up an answer.
std::uint64_t udp_client::state::new_id()
{
    std::uint64_t id = 0;
    do {
        id = core.home().random() & options.id.mask();
    } while (waiting.contains(id));
    return id;
}

udp_client::udp_client(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}
udp_client::udp_client(udp_client&& other) noexcept = default;

udp_client& udp_client::operator=(udp_client&& other) noexcept
{
    udp_client taken(std::move(other));
    std::swap(state_, taken.state_);
    return *this;
}

udp_client::~udp_client()
{
    if (state_) {
        state_->socket.close();
    }
}

task<udp_client> udp_client::connect(std::string_view where)
{
    return connect(where, static_cast<const udp_client_options&>(udp_client_options{}));
}

task<udp_client> udp_client::connect(std::string_view where, const udp_client_options& options)
{
    return [](std::string to, udp_client_options o) -> task<udp_client> {
        auto connecting = udp_socket::connect(to, o.socket);
        auto socket = co_await checked(std::move(connecting));
        co_return udp_client(std::make_shared<state>(std::move(socket), o));
    }(std::string(where), options);
}

task<std::string> udp_client::request(std::string message)
{
    return ask(state_, std::move(message));
}

task<std::string> udp_client::ask(std::shared_ptr<state> s, std::string message)
{
    const request_id& format = s->options.id;
    const std::uint64_t ids = format.mask() / 2;  // so that a free one is found soon
    if (s->waiting.size() >= std::min<std::uint64_t>(s->options.max_requests, ids)) {
        co_return error::limit_reached;
    }
    if (format.where == request_id::placement::inside && message.size() < format.width) {
        co_return error::refused_payload;
    }
    const std::uint64_t id = s->new_id();
    pending mine(*s, id, format.stamp(id, as_bytes(message)));
    if (mine.datagram.size() + address_cookie::size > detail::datagram_queue::longest) {
        co_return error::frame_too_large;
    }
    ++s->counted.requests;
    loop& home = s->core.home();
    const time_point deadline = add(home.now(), s->options.timeout);
    retransmission schedule(s->options.retransmission);
    while (!mine.outcome && home.now() < deadline) {
        if (s->core.failure()) {
            co_return s->core.failure();
        }
        const auto wait = schedule.sending(home.now(), home.random());
        if (!wait) {
            break;
        }
        s->counted.retransmitted += schedule.attempts() > 1 ? 1 : 0;
        s->send(mine);
        mine.woken.expires_at(std::min(add(home.now(), *wait), deadline));
        co_await checked(mine.woken.wait());
    }
    if (!mine.outcome) {
        ++s->counted.given_up;
        co_return error::timeout;
    }
    s->counted.answered += mine.outcome->has_value() ? 1 : 0;
    co_return std::move(*mine.outcome);
}

const socket_address& udp_client::peer() const noexcept
{
    return state_->socket.peer();
}

udp_client_stats udp_client::stats() const
{
    udp_client_stats now = state_->counted;
    now.socket = state_->core.stats();
    return now;
}

}  // namespace libnet
