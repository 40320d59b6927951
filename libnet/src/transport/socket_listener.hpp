#pragma once

#include "../runtime/resident.hpp"
#include "socket.hpp"

#include <libnet/runtime/loop.hpp>
#include <libnet/transport/listener.hpp>
#include <libnet/transport/owned_descriptor.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace libnet::detail {

using acceptor = boost::asio::basic_socket_acceptor<stream_protocol, io_executor>;

/// A descriptor kept for the day when there is no other. When accepting finds none, this one makes
/// room for one client; it is taken back as soon as one is free. So a server without connections
/// is never deaf, even when others in its process have taken every descriptor.
class reserve_descriptor {
public:
    reserve_descriptor() noexcept { take(); }
    reserve_descriptor(const reserve_descriptor&) = delete;
    reserve_descriptor& operator=(const reserve_descriptor&) = delete;
    ~reserve_descriptor() { give_up(); }

    void take() noexcept;
    bool give_up() noexcept;

private:
    int descriptor_ = -1;
};

/// Accepts from a listening socket of any family.
class socket_listener final : public listener {
public:
    /// `end` is called once when the listener closes or goes, while the socket is still open.
    socket_listener(loop& home, acceptor a, socket_options options,
                    std::function<void()> end = nullptr)
        : resident_(home), acceptor_(std::move(a)), options_(std::move(options)), end_(std::move(end))
    {
    }
    ~socket_listener() override { socket_listener::close(); }

    task<std::unique_ptr<stream>> accept() override;
    bool end_arrivals() noexcept override;
    void leave_to_others() noexcept override;
    void close() noexcept override;
    std::string local() const override;
    int native_handle() const noexcept override;

private:
    result<std::unique_ptr<stream>> take_over(owned_descriptor accepted,
                                              const socket_endpoint& peer);
    task<> wait_for_client();
    bool is_local() const;
    void say_end() noexcept;

    resident resident_;
    mutable acceptor acceptor_;
    socket_options options_;
    reserve_descriptor reserve_;
    bool is_shared_ = false;
    std::optional<time_point> open_until_;  // for those who were on their way when arrivals ended
    int still_to_come_ = 0;                 // then, at most
    std::function<void()> end_;
};

/// Throws what cannot be listened on, and why.
[[noreturn]] void cannot_listen(const std::string& where, const error_code& why);

}  // namespace libnet::detail
