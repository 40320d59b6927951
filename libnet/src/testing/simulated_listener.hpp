#pragma once

#include "simulated_state.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/transport/listener.hpp>

#include <deque>
#include <memory>
#include <string>

namespace libnet::testing {

/// Where connections come in. Stands in its machine's list of ports as long as it is open. A server may
/// outlive the simulation and hold it: it is closed with the loop.
class simulated_listener final : public listener {
public:
    /// Without an address it listens on all of the machine's.
    simulated_listener(simulated_network::state& net, std::shared_ptr<simulated_ports> ports,
                       socket_address where, std::string text, std::size_t backlog);
    simulated_listener(simulated_network::state& net, std::shared_ptr<simulated_ports> ports,
                       std::string path, std::size_t backlog);
    ~simulated_listener() override { simulated_listener::close(); }

    task<std::unique_ptr<stream>> accept() override;
    bool end_arrivals() noexcept override;
    void close() noexcept override;
    std::string local() const override { return text_; }

    const socket_address& where() const noexcept { return where_; }
    bool full() const noexcept { return coming_.size() >= backlog_; }
    void come(std::unique_ptr<stream> client);

private:
    struct end_of_loop : libnet::detail::work_node {
        simulated_listener* owner;
    };

    void close_with(loop& home) noexcept;

    std::shared_ptr<simulated_ports> ports_;
    socket_address where_;
    std::string path_;
    std::string text_;
    std::size_t backlog_;
    std::deque<std::unique_ptr<stream>> coming_;
    timer arrival_;
    end_of_loop at_the_end_;
    bool open_ = true;
};

}  // namespace libnet::testing
