#pragma once

#include "scripted_channel.hpp"

#include <libnet/transport/network.hpp>
#include <libnet/transport/udp_options.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace libnet::tests {

/// A network that is one scripted channel, for whoever opens or connects one.
class datagram_network final : public network {
public:
    datagram_network(loop& home, channel_script& script) : loop_(home), script_(script)
    {
        home.use_network(*this);
    }

    task<std::vector<socket_address>> resolve(endpoint where) override
    {
        socket_address found = host(99, where.port);
        co_return std::vector<socket_address>{found};
    }
    task<std::unique_ptr<stream>> connect(socket_address, socket_options) override
    {
        co_return error::not_supported;
    }
    task<std::unique_ptr<stream>> connect_path(std::string, socket_options) override
    {
        co_return error::not_supported;
    }
    std::unique_ptr<listener> listen(const endpoint&, const socket_options&) override
    {
        return nullptr;
    }
    std::unique_ptr<datagram_channel> open_datagrams(const endpoint&, const udp_options&) override
    {
        return std::make_unique<scripted_channel>(loop_, script_);
    }
    result<std::unique_ptr<datagram_channel>> connect_datagrams(const socket_address&,
                                                                const udp_options&) override
    {
        return std::unique_ptr<datagram_channel>(
            std::make_unique<scripted_channel>(loop_, script_));
    }

private:
    loop& loop_;
    channel_script& script_;
};

}  // namespace libnet::tests
