#pragma once

#include <libnet/session/client.hpp>

#include <libnet/runtime/wait_list.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace libnet {

/// A client behind its handle.
struct client::state {
    state(std::string name, connector d, session s, client_options o);

    void begin(loop& here);
    void end(const error_code& why);
    void stop() noexcept;

    task<> keep_connected();
    task<> pause_for(duration wait);
    task<> connect(std::optional<result<connection>>& dialed);
    task<> dial_into(std::optional<result<connection>>& dialed);
    task<after_session> talk_over(connection peer, client_event& how);
    task<> talk_into(connection& peer, std::optional<result<after_session>>& outcome);

    client_event event(client_event::kind what) const;
    void tell(const client_event& e) const;

    std::string where;
    connector dial;
    session talk;
    client_options options;

    // The loop's thread.
    loop* home = nullptr;
    bool stopping = false;
    std::optional<detail::wait_list> leave_step;  // woken when a step has ended, or has to
    std::optional<detail::wait_list> waiting;     // for a connection
    connection* current = nullptr;
    std::vector<failed_address> tried;  // by the attempt that is under way
    std::optional<error_code> ended;

    std::mutex stop_mutex;  // of the next two
    std::shared_ptr<detail::mailbox> box;
    bool stop_asked = false;

    std::atomic<bool> is_connected{false};
    std::atomic<std::uint64_t> attempts{0};
    std::atomic<std::uint64_t> sessions{0};
    std::atomic<std::uint64_t> failures{0};
};

}  // namespace libnet
