#include "tcp_socket.hpp"
#include "tcp_stream.hpp"

#include <libnet/asio.hpp>
#include <libnet/transport/tcp.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/system/system_error.hpp>

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace libnet {
namespace detail {
namespace {

using acceptor = asio::basic_socket_acceptor<tcp_protocol, io_executor>;

/// accept4: close-on-exec and non-blocking without a call of their own.
int accept_one(int listening, tcp_protocol::endpoint& peer)
{
    auto length = static_cast<socklen_t>(peer.capacity());
#if defined(__linux__)
    const int accepted = ::accept4(listening, peer.data(), &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
#else
    const int accepted = ::accept(listening, peer.data(), &length);
    if (accepted >= 0) {
        ::fcntl(accepted, F_SETFD, FD_CLOEXEC);
        ::fcntl(accepted, F_SETFL, O_NONBLOCK);
    }
#endif
    if (accepted >= 0) {
        peer.resize(length);
    }
    return accepted;
}

/// A descriptor kept for the day when there is no other. When accepting finds none, this one makes
/// room for one client; it is taken back as soon as one is free. So a server without connections
/// is never deaf, even when others in its process have taken every descriptor.
class reserve_descriptor {
public:
    reserve_descriptor() noexcept { take(); }
    reserve_descriptor(const reserve_descriptor&) = delete;
    reserve_descriptor& operator=(const reserve_descriptor&) = delete;
    ~reserve_descriptor() { give_up(); }

    void take() noexcept
    {
        if (descriptor_ < 0) {
            descriptor_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        }
    }

    bool give_up() noexcept
    {
        return descriptor_ >= 0 && ::close(std::exchange(descriptor_, -1)) == 0;
    }

private:
    int descriptor_ = -1;
};

class tcp_listener final : public listener {
public:
    tcp_listener(loop& home, acceptor a, socket_options options)
        : loop_(home), acceptor_(std::move(a)), options_(options)
    {
    }

    task<std::unique_ptr<stream>> accept() override
    {
        for (;;) {
            if (!acceptor_.is_open()) {
                co_return error::closed;
            }
            tcp_protocol::endpoint peer;
            reserve_.take();
            int accepted = accept_one(acceptor_.native_handle(), peer);
            if (accepted < 0 && (errno == EMFILE || errno == ENFILE) && reserve_.give_up()) {
                accepted = accept_one(acceptor_.native_handle(), peer);
            }
            if (accepted >= 0) {
                co_return adopt(accepted, peer);
            }
            const error_code failed(errno, boost::system::system_category());
            if (failed != asio::error::would_block) {
                co_return failed;
            }
            co_await checked(acceptor_.async_wait(acceptor::wait_read, asio::deferred));
        }
    }

    void close() noexcept override
    {
        error_code ignored;
        acceptor_.close(ignored);
    }

    std::string local() const override
    {
        error_code failed;
        const auto endpoint = acceptor_.local_endpoint(failed);
        return failed ? std::string("?") : to_text(endpoint);
    }

private:
    result<std::unique_ptr<stream>> adopt(int descriptor, const tcp_protocol::endpoint& peer)
    {
        tcp_socket socket(context_of(loop_).get_executor());
        error_code failed = apply_to_connection(descriptor, options_);
        if (!failed) {
            socket.assign(peer.protocol(), descriptor, failed);
        }
        if (failed) {
            ::close(descriptor);  // the peer has gone already, or the kernel is out of something
            return failed;
        }
        return std::unique_ptr<stream>(
            std::make_unique<tcp_stream>(loop_, std::move(socket), to_text(peer)));
    }

    loop& loop_;
    acceptor acceptor_;
    socket_options options_;
    reserve_descriptor reserve_;
};

[[noreturn]] void cannot_listen(const endpoint& where, const error_code& why)
{
    // Without the line inside Asio that the code remembers: the text is for the operator.
    throw boost::system::system_error(error_code(why.value(), why.category()),
                                      "cannot listen on " + where.to_string());
}

/// Listening sockets are few and made at the start, so a name may be looked up on the spot.
tcp_protocol::endpoint resolve_local(loop& home, const endpoint& where)
{
    if (where.host.empty()) {
        return {tcp_protocol::v6(), where.port};
    }
    error_code failed;
    const auto address = asio::ip::make_address(where.host, failed);
    if (!failed) {
        return {address, where.port};
    }
    asio::ip::basic_resolver<tcp_protocol, io_executor> resolver(context_of(home).get_executor());
    const auto found = resolver.resolve(where.host, std::to_string(where.port),
                                        asio::ip::resolver_base::passive, failed);
    if (failed || found.empty()) {
        cannot_listen(where, error::host_not_found);
    }
    return found.begin()->endpoint();
}

}  // namespace
}  // namespace detail

std::unique_ptr<listener> tcp::listen(loop& home, const endpoint& where,
                                      const socket_options& options)
{
    using namespace detail;
    const tcp_protocol::endpoint local = resolve_local(home, where);
    error_code failed;
    const int descriptor = open_tcp(local.protocol(), failed);
    if (failed) {
        cannot_listen(where, failed);
    }
    acceptor listening(context_of(home).get_executor());
    listening.assign(local.protocol(), descriptor, failed);
    if (failed) {
        ::close(descriptor);
        cannot_listen(where, failed);
    }
    const bool explicit_address = !local.address().is_unspecified();
    failed = apply_before_listen(descriptor, local.protocol(), options, explicit_address);
    if (!failed) {
        // Those of the connections: what is refused is said here, once, not dropped at each accept.
        failed = apply_to_connection(descriptor, options);
    }
    if (failed) {
        cannot_listen(where, failed);
    }
    listening.bind(local, failed);
    if (!failed) {
        listening.listen(options.backlog, failed);
    }
    if (failed) {
        cannot_listen(where, failed);
    }
    return std::make_unique<tcp_listener>(home, std::move(listening), options);
}

}  // namespace libnet
