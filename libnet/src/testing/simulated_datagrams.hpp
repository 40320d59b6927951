#pragma once

#include "simulated_state.hpp"

#include <libnet/transport/datagram_channel.hpp>
#include <libnet/transport/udp_options.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace libnet::testing {

/// A socket for datagrams. Stands in its machine's list of ports as long as it is open.
class simulated_datagrams final : public datagram_channel {
public:
    /// Without a peer it hears everybody; without an address it has all of the machine's.
    simulated_datagrams(simulated_host& machine, socket_address own, socket_address peer,
                        std::size_t room);
    ~simulated_datagrams() override { simulated_datagrams::close(); }

    loop& home() const noexcept override;
    result<std::size_t> receive(std::span<received_datagrams> into) override;
    result<std::size_t> send(std::span<queued_datagrams> batch) override;
    void wait_readable(stream_events& events) override;
    void wait_writable(stream_events& events) override;
    void cancel_waits() noexcept override;
    std::optional<datagram_error> take_error() override;
    error_code join(const ip_address& group, std::string_view interface) override;
    error_code leave(const ip_address& group, std::string_view interface) override;
    std::uint64_t dropped() const noexcept override { return dropped_; }
    socket_address local() const override;
    void close() noexcept override;

    /// Whether what `from` sends to `to` is for this one.
    bool hears(const socket_address& from, const socket_address& to) const noexcept;
    bool has_peer() const noexcept { return !peer_.address.empty(); }
    const socket_address& own() const noexcept { return own_; }

    void come(const socket_address& from, const ip_address& to, std::vector<std::byte> content);
    void learn(const datagram_error& error);

private:
    struct message {
        socket_address from;
        ip_address to;
        std::vector<std::byte> content;
    };
    struct step : libnet::detail::work_node {
        simulated_datagrams* owner = nullptr;
    };

    static constexpr std::size_t most_errors = 64;

    void send_one(const socket_address& to, const ip_address& from, bytes content);
    void wake();
    void tell_reader();
    void tell_writer();
    void drop() noexcept;

    simulated_host& machine_;
    simulated_network::state& net_;
    std::shared_ptr<simulated_ports> ports_;
    socket_address own_;
    socket_address peer_;
    std::size_t room_;
    std::deque<message> inbox_;
    std::deque<datagram_error> errors_;
    std::uint64_t dropped_ = 0;
    bool open_ = true;
    events_reference reader_;
    events_reference writer_;
    bool reader_cancelled_ = false;
    bool writer_cancelled_ = false;
    step read_;
    step write_;
    step at_the_end_;
};

/// A datagram under way, or the news that one was refused.
struct simulated_flight : libnet::detail::timer_node {
    explicit simulated_flight(simulated_network::state& n) noexcept;

    void land();
    void refuse();

    simulated_network::state& net;
    std::list<simulated_flight>::iterator place;
    simulated_host* machine = nullptr;  // where it goes
    simulated_host* sender = nullptr;
    socket_address from;
    socket_address to;
    std::vector<std::byte> content;
    error_code refused;  // what it tells, if it is such news
};

}  // namespace libnet::testing
