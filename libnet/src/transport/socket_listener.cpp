#include "socket_listener.hpp"
#include "last_error.hpp"

#include "newcomers.hpp"
#include "option_setting.hpp"
#include "peer_credentials.hpp"
#include "stream_on_socket.hpp"

#include <libnet/asio.hpp>
#include <libnet/runtime/within.hpp>

#include <boost/system/system_error.hpp>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace libnet::detail {
namespace {

/// For the last packet of a handshake to come. A client that was kept out meanwhile comes again after a
/// second in any case.
constexpr duration time_for_handshakes = std::chrono::milliseconds(200);

/// accept4: close-on-exec and non-blocking without a call of their own.
int accept_one(int listening, socket_endpoint& peer)
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

ip_address loopback_v6() noexcept
{
    std::array<std::byte, 16> octets{};
    octets.back() = std::byte{1};
    return ip_address(octets);
}

}  // namespace

void reserve_descriptor::take() noexcept
{
    if (descriptor_ < 0) {
        descriptor_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
}

bool reserve_descriptor::give_up() noexcept
{
    return descriptor_ >= 0 && ::close(std::exchange(descriptor_, -1)) == 0;
}

task<std::unique_ptr<stream>> socket_listener::accept()
{
    for (;;) {
        if (!acceptor_.is_open()) {
            co_return error::closed;
        }
        socket_endpoint peer;
        reserve_.take();
        int accepted = accept_one(acceptor_.native_handle(), peer);
        if (accepted < 0 && (errno == EMFILE || errno == ENFILE) && reserve_.give_up()) {
            accepted = accept_one(acceptor_.native_handle(), peer);
        }
        if (accepted >= 0) {
            if (open_until_ && still_to_come_-- == 0) {
                open_until_ =
                    time_point();  // where newcomers cannot be kept out, they would never end
            }
            co_return take_over(owned_descriptor(accepted), peer);
        }
        const error_code failed = last_error();
        if (failed != asio::error::would_block) {
            co_return failed;
        }
        if (open_until_ && resident_.home().now() >= *open_until_) {
            close();
            co_return error::closed;
        }
        co_await checked(wait_for_client());
    }
}

/// Or until arrivals have ended.
task<> socket_listener::wait_for_client()
{
    loop& home = resident_.home();
    const duration limit = open_until_ ? *open_until_ - home.now() : never;
    const auto waited =
        co_await within(limit, acceptor_.async_wait(acceptor::wait_read, asio::deferred));
    if (!waited && waited.error() != asio::error::operation_aborted &&
        !(open_until_ && waited.error() == error::timeout && home.now() >= *open_until_)) {
        co_await fail(waited.error());
    }
}

/// A client whose connection is complete has a place in the kernel's queue, and may have sent a
/// request: closing the socket resets it. So newcomers are kept out by a filter first, then the queue
/// is emptied. Over loopback a connection is complete or not there at all; elsewhere the last step of a
/// handshake may still be on its way.
bool socket_listener::end_arrivals() noexcept
{
    if (is_shared_) {
        close();
    }
    if (!acceptor_.is_open()) {
        return false;
    }
    if (!open_until_) {
        say_end();
        keep_newcomers_out(acceptor_.native_handle());
        const duration handshakes = is_local() ? duration::zero() : time_for_handshakes;
        open_until_ = add(resident_.home().now(), handshakes);
        still_to_come_ = options_.backlog;
        error_code ignored;
        acceptor_.cancel(ignored);
    }
    return true;
}

void socket_listener::leave_to_others() noexcept
{
    is_shared_ = true;
    end_ = nullptr;
}

bool socket_listener::is_local() const
{
    error_code failed;
    const auto endpoint = acceptor_.local_endpoint(failed);
    const ip_address address = failed ? ip_address() : address_of(endpoint);
    return failed || endpoint.protocol().family() == AF_UNIX || address == loopback_v6() ||
           (address.is_v4() && address.octets()[0] == std::byte{127});
}

result<std::unique_ptr<stream>> socket_listener::take_over(owned_descriptor accepted,
                                                           const socket_endpoint& peer)
{
    const int family = peer.protocol().family();
    const int descriptor = accepted.get();
    error_code failed = apply_to_connection(descriptor, family, options_);
    if (!failed) {
        failed = apply_when_connected(descriptor, family, options_);
    }
    if (failed) {
        return failed;  // the peer has gone already
    }
    auto names = family == AF_UNIX ? socket_names(local() + describe_peer(descriptor), ip_address())
                                   : socket_names(peer);
    return stream_on_socket(resident_.home(), family, accepted, std::move(names));
}

void socket_listener::say_end() noexcept
{
    if (const auto end = std::exchange(end_, nullptr)) {
        end();
    }
}

void socket_listener::close() noexcept
{
    say_end();
    error_code ignored;
    acceptor_.close(ignored);
    resident_.leave();  // a server that has ended may outlive its context
}

std::string socket_listener::local() const
{
    error_code failed;
    const auto endpoint = acceptor_.local_endpoint(failed);
    return failed ? std::string("?") : to_text(endpoint);
}

int socket_listener::native_handle() const noexcept
{
    return acceptor_.is_open() ? static_cast<int>(acceptor_.native_handle()) : -1;
}

void cannot_listen(const std::string& where, const error_code& why)
{
    // Without the line inside Asio that the code remembers: the text is for the operator.
    throw boost::system::system_error(error_code(why.value(), why.category()),
                                      "cannot listen on " + where);
}

}  // namespace libnet::detail
