#pragma once

#include "../runtime/group_member.hpp"
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
    struct served_client;
    class running;
    class newcomer;
    struct distribution;

    task<> run_layer(group& sessions, std::unique_ptr<stream> transport, place in);
    task<std::unique_ptr<stream>> prepare(group& sessions, std::unique_ptr<stream> transport,
                                          place& in, connection_info& info);
    ip_address counted_as(const stream& arriving) const noexcept;
    void begin_session(group& sessions, connection peer, place in);
    task<> open(served_client& who);
    task<> close(served_client& who, error_code failure, std::exception_ptr thrown);
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
    connection_ending ending_of(const connection& peer, const error_code& failure,
                                bool has_thrown) const noexcept;
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
    detail::node_list<served_client> served;
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
    place(state& s, const ip_address& who) noexcept : of_(s), who_(who) { ++s.active; }
    /// It is somebody else who was let in; not, if there are too many of those.
    admission::decision belongs_to(const ip_address& who)
    {
        const auto decision = of_.gate->recount(who_, who);
        who_ = decision == admission::decision::let_in ? who : who_;
        return decision;
    }

    place(place&& other) noexcept
        : of_(other.of_), who_(other.who_), taken_(std::exchange(other.taken_, false))
    {
    }
    place& operator=(place&&) = delete;
    ~place() { leave(); }

    void leave() noexcept
    {
        if (std::exchange(taken_, false)) {
            --of_.active;
            of_.gate->leave(who_);
            of_.accept_again();
        }
    }

    /// Taken away, to become a place of another part. Whoever has it counts in the gate.
    ip_address take() noexcept
    {
        if (std::exchange(taken_, false)) {
            --of_.active;
        }
        return who_;
    }

    state& server() const noexcept { return of_; }

private:
    state& of_;
    ip_address who_;
    bool taken_ = true;  // until it leaves
};

/// Who is served: in a place until it leaves, and on the list from the moment when it was told.
struct server::state::served_client : detail::list_node {
    enum class stage : unsigned char { opens, serves, closes };

    served_client(connection c, place in) noexcept : peer(std::move(c)), seat(std::move(in)) {}

    void leave() noexcept
    {
        unlink();
        seat.leave();
    }

    connection peer;
    [[no_unique_address]] place seat;
    stage at = stage::opens;  // fits behind it
};

/// A session, from the first hook to the report of its end. Ten thousand of them wait, so what the
/// beginning and the end need has frames that are there only then:
///
///     open()  ->  the session itself  ->  close()
///
/// The client is the first base: it is there before these frames, and outlives them.
class server::state::running final : private served_client, public detail::group_member {
public:
    running(group& sessions, connection c, place in);

    std::string description() const override { return peer.peer(); }

private:
    void ended() noexcept override;
    void serve() noexcept;
    void close(const error_code& failure, std::exception_ptr thrown) noexcept;

    state& server() const noexcept { return seat.server(); }
};

}  // namespace libnet
