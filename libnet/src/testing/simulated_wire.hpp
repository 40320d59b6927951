#pragma once

#include "pipe.hpp"
#include "simulated_state.hpp"

#include <libnet/core/socket_address.hpp>
#include <libnet/transport/stream.hpp>

#include <memory>
#include <string>

namespace libnet::testing {

/// One connection: two pipes, and the lines that they go over. Lives as long as one of its ends.
class simulated_wire final : public libnet::detail::list_node,
                             public std::enable_shared_from_this<simulated_wire> {
public:
    struct name {
        socket_address address;
        std::string text;  // of a Unix socket too
    };

    simulated_wire(simulated_network::state& net, simulated_line& there, simulated_line& back,
                   name client, name server);

    /// Each can be taken once. What comes back begins to arrive at `established`.
    std::unique_ptr<stream> client_end(std::shared_ptr<void> port);
    std::unique_ptr<stream> server_end(time_point established);

    bool touches(const simulated_host& host) const noexcept;

    void cut(severance how);

    /// The programs of `host` have ended.
    void crash(const simulated_host& host);

    /// A line may have become free again.
    void try_again();

private:
    struct side;

    /// The news that nobody reads what an end sends.
    struct alarm : libnet::detail::timer_node {
        explicit alarm(side& s) noexcept;
        side& told;
    };

    /// One end, and the way from there to the other.
    struct side final : passage {
        side(simulated_wire& w, simulated_line& l);

        chunk_fate depart(mutable_bytes content) override;
        time_point end_departs() override;
        void arrived(bytes content) override;
        void end_arrived() override;
        void unwanted() override;
        void cut() override;

        side& other() const noexcept { return this == &wire.client_ ? wire.server_ : wire.client_; }
        void learn_of_reset();
        void note(std::string_view what) const;
        void note(std::string_view what, bytes content) const;

        simulated_wire& wire;
        simulated_line& line;
        stream_course course;
        stream_pair::pipe carries;
        alarm reset_comes;
    };

    std::unique_ptr<stream> end_of(side& own, const name& local, const name& peer);

    simulated_network::state& net_;
    name client_name_;
    name server_name_;
    bool silenced_ = false;
    side client_;
    side server_;
    std::shared_ptr<void> port_;  // of the client
};

}  // namespace libnet::testing
