#include <libnet/asio/adopt.hpp>

#include "serve_and_close.hpp"
#include "server_defaults.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/transport/descriptor.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace libnet::detail {

int family_of(int descriptor)
{
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw boost::system::system_error(errno, boost::system::system_category());
    }
    return address.ss_family;
}

connection adopt(loop& home, owned_descriptor socket, connection_options options, bytes received)
{
    auto transport = adopt_descriptor(home, socket.get());
    socket.taken();
    connection peer(std::move(transport), std::move(options));
    put_back(peer, received);
    return peer;
}

task<> serve_adopted(owned_descriptor socket, std::function<task<>(connection&)> session,
                     connection_options options)
{
    loop& home = co_await this_loop();
    connection peer =
        adopt(home, std::move(socket), with_defaults_of_servers(std::move(options)), {});
    co_await checked(serve_and_close(peer, std::move(session)));
}

}  // namespace libnet::detail
