#pragma once

#include "flags.hpp"

#include <libnet/asio.hpp>
#include <libnet/libnet.hpp>

#include <boost/asio/signal_set.hpp>
#include <boost/system/errc.hpp>

#include <csignal>
#include <exception>
#include <functional>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sample {

/// What a server does besides serving: it takes sockets over from systemd or from the process before it,
/// tells the service manager how it is doing, reads its settings again on SIGHUP, and hands its socket to
/// the process after it.
class operations {
public:
    /// Settings are read again; what has changed, for the log. Throws what stays as it was, and why.
    std::function<std::string()> reload = [] { return std::string("nothing to reload"); };

    void add_flags(CLI::App& app)
    {
        app.add_option("--takeover", path_,
                       "A Unix socket over which a process of this program takes the listening\n"
                       "socket over from the one that runs, which then drains and ends. The first\n"
                       "one listens for itself")
            ->type_name("PATH");
    }

    bool takes_over() const { return !path_.empty(); }

    /// Before the server listens.
    void inherit()
    {
        libnet::inherit_from_environment();
        if (path_.empty()) {
            return;
        }
        auto taken = libnet::takeover::from(path_);
        if (taken) {
            for (libnet::inherited_socket& socket : taken->sockets) {
                libnet::inherit({socket.name, std::exchange(socket.descriptor, -1)});
            }
            taken->sockets.clear();
            predecessor_.emplace(std::move(*taken));
        } else if (taken.error() != boost::system::errc::no_such_file_or_directory &&
                   taken.error() != boost::system::errc::connection_refused) {
            throw std::runtime_error("cannot take over from " + path_ + ": " +
                                     taken.error().message());
        }
    }

    /// Who waits for it: from server_options::on_listening.
    void listening(const std::string& where)
    {
        where_ = where;
        (void)manager_.ready("listening on " + where);
        if (listening_) {
            listening_->expires_after(libnet::duration::zero());
        }
    }

    /// Awaits the server, and does the rest meanwhile.
    libnet::task<> attend(libnet::server& server, libnet::task<> serving)
    {
        const timers here(*this, co_await libnet::this_loop());
        // From before the port opens: who sees the server run may send it a SIGHUP.
        libnet::asio::signal_set hangups(co_await libnet::this_executor(), SIGHUP);
        auto side_by_side = [&](libnet::group& tasks) -> libnet::task<> {
            tasks.start(manager_.feed_watchdog());
            tasks.start(reload_on(hangups));
            tasks.start(serve(std::move(serving)));
            // Whoever drains has no socket to offer any more.
            auto until_the_end = [&](libnet::group& replacing) -> libnet::task<> {
                if (!path_.empty()) {
                    replacing.start(take_part_in_replacing(server));
                }
                (void)co_await done_->wait();  // or a signal
            };
            (void)co_await libnet::with_group(until_the_end);
            (void)manager_.stopping("draining");
            server.stop();
            co_await libnet::checked(libnet::shielded(libnet::never, wait_until_done()));
        };
        co_await libnet::checked(libnet::with_group(side_by_side));
    }

private:
    /// They belong to the loop, and end before it.
    struct timers {
        timers(operations& o, libnet::loop& home) : all(o)
        {
            all.listening_.emplace(home);
            all.listening_->expires_at(libnet::end_of_time);
            all.done_.emplace(home);
            all.done_->expires_at(libnet::end_of_time);
        }
        timers(const timers&) = delete;
        timers& operator=(const timers&) = delete;
        ~timers()
        {
            all.listening_.reset();
            all.done_.reset();
        }
        operations& all;
    };

    libnet::task<> serve(libnet::task<> serving)
    {
        struct done {
            operations& all;
            ~done()
            {
                all.has_ended_ = true;
                if (all.done_) {
                    all.done_->expires_after(libnet::duration::zero());
                }
            }
        };
        const done at_the_end{*this};
        co_await libnet::checked(std::move(serving));
    }

    libnet::task<> wait_until_done()
    {
        while (!has_ended_) {
            (void)co_await done_->wait();
        }
    }

    /// The one before us may go; the one after us may come.
    libnet::task<> take_part_in_replacing(libnet::server& server)
    {
        co_await libnet::checked(listening_->wait());
        if (predecessor_) {
            const auto left = co_await predecessor_->ready();
            if (!left) {
                std::cerr << "the process before this one did not answer: " +
                                 left.error().message() + '\n';
            }
            predecessor_.reset();
        }
        std::vector<libnet::inherited_socket> sockets;
        sockets.push_back({where_, server.native_handle()});
        co_await libnet::checked(libnet::offer_sockets(path_, std::move(sockets)));
        std::cout << "another process has taken over; draining\n" << std::flush;
        (void)manager_.stopping("another process has taken over");
        server.hand_over();
    }

    libnet::task<> reload_on(libnet::asio::signal_set& hangups)
    {
        for (;;) {
            co_await libnet::checked(hangups.async_wait(libnet::asio::deferred));
            (void)manager_.reloading();
            std::string status = "listening on " + where_;
            try {
                std::cout << reload() + '\n' << std::flush;
            } catch (const std::exception& wrong) {
                const std::string failed = std::string("cannot reload, ") + wrong.what();
                std::cerr << failed + '\n';
                status += "; " + failed;
            }
            (void)manager_.ready(status);
        }
    }

    libnet::service_manager manager_ = libnet::service_manager::from_environment();
    std::string path_;
    std::string where_;
    std::optional<libnet::takeover> predecessor_;
    std::optional<libnet::timer> listening_;
    std::optional<libnet::timer> done_;
    bool has_ended_ = false;
};

}  // namespace sample
