#include "last_error.hpp"
#include "system_network.hpp"

#include "socket.hpp"

#include <libnet/runtime/offload.hpp>
#include <libnet/runtime/thread_pool.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cerrno>
#include <memory>
#include <netdb.h>
#include <utility>

namespace libnet::detail {
namespace {

namespace ip = boost::asio::ip;
using addresses = lookups::addresses;

/// The threads that ask: a name server that is silent takes one of them for half a minute, and those
/// who ask for other names must not notice.
///
/// Never destroyed: that would wait for the last question, and so would the end of the program.
thread_pool& askers()
{
    static thread_pool& pool = *new thread_pool({.threads = 16, .queue_limit = 1024});
    return pool;
}

/// Blocks until the system has answered.
result<addresses> ask_system(const std::string& host)
{
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (const int failed = ::getaddrinfo(host.c_str(), nullptr, &wanted, &list)) {
        if (failed == EAI_SYSTEM) {
            return last_error();
        }
        return error::host_not_found;
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> kept(list, ::freeaddrinfo);
    addresses found;
    for (const addrinfo* a = list; a != nullptr; a = a->ai_next) {
        if (a->ai_family == AF_INET || a->ai_family == AF_INET6) {
            socket_endpoint one(a->ai_addr, a->ai_addrlen, a->ai_protocol);
            found.push_back(address_and_port(one));
        }
    }
    if (found.empty()) {
        return error::host_not_found;
    }
    return found;
}

}  // namespace

task<addresses> ask_system_on_a_thread(std::string host)
{
    return offload(askers(), ask_system, std::move(host));
}

task<addresses> system_network::resolve(endpoint where)
{
    error_code not_numeric;
    const auto address = ip::make_address(where.host, not_numeric);
    if (!not_numeric) {
        co_return addresses(1, address_and_port(ip::tcp::endpoint(address, where.port)));
    }
    addresses found = co_await checked(lookups_.find(std::move(where.host)));
    for (socket_address& one : found) {
        one.port = where.port;
    }
    co_return found;
}

}  // namespace libnet::detail
