#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/core/time.hpp>
#include <libnet/runtime/task.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace libnet {

/// Tells whoever manages this process how it is doing, in the protocol of sd_notify(3), without its
/// library: systemd with `Type=notify` or `Type=notify-reload`, and others that speak it.
///
///     auto manager = service_manager::from_environment();
///     options.on_listening = [&](const std::string&) { (void)manager.ready(); };
///
/// Each call is one datagram of lines to the Unix socket that NOTIFY_SOCKET names:
///
///     | READY=1 \n STATUS=listening on 127.0.0.1:9000 |
///
/// Where nobody listens, all of it does nothing and succeeds. Never waits: if the manager's queue is
/// full, `resource_unavailable_try_again` says so.
///
/// Threads  any.
class LIBNET_ASIO_DECL service_manager {
public:
    /// Takes one message; for tests, and for managers that are reached in another way.
    using channel = std::function<result<>(std::string_view message)>;

    /// Who NOTIFY_SOCKET names, a path or an abstract name (`@...`); nobody if it is not set. Takes the
    /// variables out of the environment: they are not for our children.
    ///
    /// Threads  before there are others: it changes the environment.
    static service_manager from_environment();

    /// `watchdog`: how often it wants to hear that we are alive; restarts us otherwise.
    explicit service_manager(channel send, std::optional<duration> watchdog = std::nullopt);

    /// Whether somebody listens.
    explicit operator bool() const noexcept { return static_cast<bool>(send_); }

    /// What has been begun is done: starting, or reloading. `status` is for people, one line.
    result<> ready(std::string_view status = {}) const;

    /// A new configuration is being read; ready() ends it.
    result<> reloading() const;

    /// It is ending.
    result<> stopping(std::string_view status = {}) const;

    /// One line for people, shown by `systemctl status`.
    result<> status(std::string_view status) const;

    /// How often it wants to hear from us, if it does.
    std::optional<duration> watchdog() const noexcept { return watchdog_; }

    /// Says twice as often as it is asked for that this loop still turns. Ends when it is cancelled, at
    /// once if nobody asks.
    [[nodiscard]] task<> feed_watchdog() const;

private:
    result<> tell(std::string message, std::string_view status) const;

    channel send_;
    std::optional<duration> watchdog_;
};

}  // namespace libnet
