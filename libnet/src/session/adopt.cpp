#include <libnet/asio/adopt.hpp>

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>
#include <libnet/session/server.hpp>
#include <libnet/transport/descriptor.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <exception>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace libnet::detail {

owned_descriptor::~owned_descriptor()
{
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

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
    if (!options.first_frame_timeout) {
        options.first_frame_timeout = server_options::default_first_frame_timeout;
    }
    if (!options.idle_timeout && !options.heartbeat) {
        options.idle_timeout = server_options::default_idle_timeout;
    }
    loop& home = co_await this_loop();
    connection peer = adopt(home, std::move(socket), std::move(options), {});
    std::exception_ptr thrown;
    result<> outcome;
    try {
        outcome = co_await session(peer);
    } catch (...) {
        thrown = std::current_exception();
    }
    (void)co_await shielded(never, peer.close());
    if (thrown) {
        std::rethrow_exception(thrown);
    }
    co_await checked(std::move(outcome));
}

}  // namespace libnet::detail
