#pragma once

#include <libnet/transport/lookups.hpp>
#include <libnet/transport/network.hpp>

namespace libnet::detail {

/// What the system knows of a host. It blocks, so it is asked on a thread that nobody waits for at the
/// end of the program.
task<lookups::addresses> ask_system_on_a_thread(std::string host);

/// The operating system's sockets. One for each loop, made when somebody first asks for it.
class system_network final : public network {
public:
    explicit system_network(loop& home) : home_(home) {}

    task<std::vector<socket_address>> resolve(endpoint where) override;
    task<std::unique_ptr<stream>> connect(socket_address to, socket_options options) override;
    task<std::unique_ptr<stream>> connect_path(std::string path, socket_options options) override;
    std::unique_ptr<listener> listen(const endpoint& where, const socket_options& options) override;
    std::unique_ptr<datagram_channel> open_datagrams(const endpoint& local,
                                                     const udp_options& options) override;
    result<std::unique_ptr<datagram_channel>>
    connect_datagrams(const socket_address& peer, const udp_options& options) override;

private:
    std::unique_ptr<listener> listen_on_port(const endpoint& where, const socket_options& options);
    std::unique_ptr<listener> listen_on_path(const std::string& path,
                                             const socket_options& options);

    loop& home_;
    lookups lookups_{home_, ask_system_on_a_thread};
};

}  // namespace libnet::detail
