#pragma once

#include "admission_gate.hpp"
#include "connection_settings.hpp"
#include "refusals.hpp"

#include <libnet/session/server.hpp>

#include <libnet/policy/admission.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/transport/endpoint.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace libnet {

/// A server behind its handle.
///
/// Over shards it has parts, each of which is such a server, too, on a loop of its own; only the gate is
/// the same for all.
///
/// Sources  server.cpp what others call, server_accept.cpp who is let in, server_session.cpp the life
///          of one who was, server_drain.cpp the end, server_shards.cpp a server of many parts.
struct server::state : std::enable_shared_from_this<server::state> {
    state(result<endpoint> e, std::unique_ptr<listener> l, session s, server_options o);

    class place;
    class running;
    class newcomer;
    struct distribution;

    task<> run_layer(group& sessions, std::unique_ptr<stream> transport, place in);
    task<std::unique_ptr<stream>> prepare(group& sessions, std::unique_ptr<stream> transport,
                                          place& in, connection_info& info);
    ip_address counted_as(const stream& arriving) const noexcept;
    task<> run_session(connection peer, place in);
    task<> close_session(connection& peer);
    std::optional<task<>> closing_of(connection& peer) noexcept;
    void report(const connection& peer, const connection_ending& ending, std::exception_ptr thrown);
    void report_layer(connection_info info, const error_code& why, std::exception_ptr thrown);
    task<> run();
    task<> serve_until_stopped();
    void move_to(loop& here);
    void close_if_stopped_already() noexcept;
    void close_source() noexcept;
    void stop();
    void add_to(server_stats& sum) const;

    task<> run_over(shards& all);
    task<> serve_over(shards& all);
    task<std::string> listen_everywhere(shards& all);
    task<> close_everywhere(shards& all);
    task<> run_parts(shards& all);
    task<> parts_are_in_service(shards& all);
    task<> serve_as_part();
    void make_parts(std::size_t count);
    bool each_part_listens() const;
    void look_at_others();
    void hand_out(std::unique_ptr<stream> transport, place in);
    void take_in(newcomer& client) noexcept;
    task<> wait_until_stopped();

    task<> accept_all(group& sessions);
    task<> admit(group& sessions, std::unique_ptr<stream> transport);
    task<> wait_for_room();
    task<> drain(group& sessions);
    task<> take_in_the_rest(group& sessions);
    void drain(connection& peer);
    bool say_goodbye(connection& peer);
    void begin(group& sessions, std::unique_ptr<stream> transport, place in);
    void refuse(group& sessions, std::unique_ptr<stream> transport, admission::decision limit);
    /// So many of the next are taken for a lasting trouble.
    static constexpr int aborted_in_a_row = 16;
    /// Errors that concern the connection that was about to be accepted and no other (accept(2)).
    static bool concerns_one_connection(const error_code& failed);
    connection_ending ending_of(const connection& peer, const result<>& outcome,
                                const std::exception_ptr& thrown) const;
    void count(const connection_info& info) noexcept;
    void accept_again() noexcept;
    void reconfigure(server_options changed);
    void apply(const server_options& changed);
    void tell_pressure(const memory_pressure& p) noexcept;
    void fail_hook() noexcept;
    void end_sessions();
    void hand_over() noexcept;
    void stop_accepting() noexcept;

    result<endpoint> where;
    std::unique_ptr<listener> source;
    session serve;
    std::shared_ptr<const detail::connection_settings> settings;
    std::shared_ptr<detail::memory_budget> budget;  // that all settings have; none if it is nullptr
    server_options options;

    // The loop's thread.
    loop* home = nullptr;
    group* in_service = nullptr;  // where sessions begin, as long as they can
    detail::node_list<running> served;
    std::shared_ptr<detail::admission_gate> gate;
    std::optional<detail::admission_gate::acceptor> beside_others;  // if there are more who accept
    detail::refusals refusals;
    bool stopping = false;
    bool arrivals_ended = false;
    bool some_are_left = false;  // who came before that, and were not accepted yet
    error_code listening_failed;
    std::exception_ptr hook_failed;
    std::optional<timer> retry;  // accepting pauses on it; moved, it also ends a pause to come

    std::shared_ptr<distribution> handing_out;  // clients go to the parts, who serve them
    std::weak_ptr<state> whole;                 // of which this is a part

    mutable std::mutex stop_mutex;  // of the next three
    std::vector<std::shared_ptr<state>> parts;
    std::shared_ptr<detail::mailbox> box;
    bool stop_asked = false;

    std::atomic<std::uint64_t> arrived{0};  // those who were handed out to us
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> active{0};
    std::atomic<std::uint64_t> refused{0};
    std::atomic<std::uint64_t> accept_errors{0};
    std::atomic<std::uint64_t> messages_received{0};
    std::atomic<std::uint64_t> messages_sent{0};
    std::atomic<std::uint64_t> bytes_received{0};
    std::atomic<std::uint64_t> bytes_sent{0};
};

/// The place of somebody who was let in: counted, and free again when it goes, however it goes.
class server::state::place {
public:
    place(state& s, const ip_address& who) noexcept : of_(&s), who_(who) { ++s.active; }
    /// It is somebody else who was let in; not, if there are too many of those.
    admission::decision belongs_to(const ip_address& who)
    {
        const auto decision = of_->gate->recount(who_, who);
        who_ = decision == admission::decision::let_in ? who : who_;
        return decision;
    }

    place(place&& other) noexcept : of_(std::exchange(other.of_, nullptr)), who_(other.who_) {}
    place& operator=(place&&) = delete;
    ~place() { leave(); }

    void leave() noexcept
    {
        if (state* const of = std::exchange(of_, nullptr)) {
            --of->active;
            of->gate->leave(who_);
            of->accept_again();
        }
    }

    /// Taken away, to become a place of another part. Whoever has it counts in the gate.
    ip_address take() noexcept
    {
        if (state* const of = std::exchange(of_, nullptr)) {
            --of->active;
        }
        return who_;
    }

private:
    state* of_;
    ip_address who_;
};

/// A session that runs: on the list and in its place until it leaves.
class server::state::running : public detail::list_node {
public:
    running(state& s, connection& c, place in) noexcept : peer(c), in_(std::move(in))
    {
        s.served.push_back(*this);
    }
    running(const running&) = delete;
    running& operator=(const running&) = delete;
    ~running() { leave(); }

    void leave() noexcept
    {
        unlink();
        in_.leave();
    }

    connection& peer;

private:
    place in_;
};

}  // namespace libnet
