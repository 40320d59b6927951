#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/policy/request_id.hpp>
#include <libnet/policy/retransmission.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/transport/udp_socket.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace libnet {

/// The socket, and how often it asks.
struct udp_client_options {
    udp_options socket{};  ///< the kernel's part

    /// How an answer says what it answers.
    request_id id{};

    /// When a request is sent again.
    retransmission_options retransmission{};

    /// How long a request may take, whatever became of its attempts.
    duration timeout = std::chrono::seconds(5);

    /// Requests that may wait for answers at a time.
    std::size_t max_requests = 1'000;
};

/// Since the start.
struct udp_client_stats {
    udp_stats socket{};               ///< all that the socket did
    std::uint64_t requests = 0;       ///< calls of ask()
    std::uint64_t answered = 0;       ///< with a reply in time
    std::uint64_t given_up = 0;       ///< no answer came in time
    std::uint64_t retransmitted = 0;  ///< datagrams that were sent again
    std::uint64_t duplicates = 0;     ///< answers to what had been answered, or given up, of late
    std::uint64_t strange = 0;        ///< datagrams that answer nothing
};

/// Requests and their answers over UDP: sends again what is not answered, takes no answer twice, and
/// every request ends, with an answer or an error.
///
///     auto server = co_await checked(udp_client::connect("127.0.0.1:9000", options));
///     const std::string answer = co_await checked(server.request("hello"));
///
/// The server may see a request more than once, so it has to be one that may be done twice. A server
/// that asks for a cookie gets it.
///
/// As long as it lives it listens, for answers that come late as well, and so keeps its context, and
/// `run()`, from coming to an end: let it live in the task that uses it.
///
/// Threads  the loop's.
class LIBNET_ASIO_DECL udp_client {
public:
    /// Looks `HOST:PORT` up and opens a socket that hears of nobody else. Nothing is sent: whether
    /// somebody is there shows at the first request. The options must be a variable.
    ///
    /// Errors   invalid_endpoint; not_supported: unix:PATH; host_not_found; condition::option_refused;
    ///          network_unreachable.
    /// Cancel   safe.
    static task<udp_client> connect(std::string_view where, const udp_client_options& options);
    static task<udp_client> connect(std::string_view where, udp_client_options&& options) = delete;
    static task<udp_client> connect(std::string_view where);

    udp_client(udp_client&& other) noexcept;
    udp_client& operator=(udp_client&& other) noexcept;

    /// Requests under way end with `closed`.
    ~udp_client();

    /// Sends a message, and again, until its answer is there.
    ///
    /// Errors   timeout: no answer; connection_refused: nobody is on that port; limit_reached: more
    ///          than max_requests; frame_too_large; refused_payload: no room for the id inside it;
    ///          closed.
    /// Cancel   safe: its answer counts as a duplicate.
    /// Overlap  any number.
    [[nodiscard]] task<std::string> request(std::string message);

    /// Whom it asks.
    const socket_address& peer() const noexcept;

    /// As of now.
    udp_client_stats stats() const;

private:
    struct state;
    struct pending;
    explicit udp_client(std::shared_ptr<state> s) noexcept;

    static task<std::string> ask(std::shared_ptr<state> s, std::string message);

    std::shared_ptr<state> state_;
};

}  // namespace libnet
