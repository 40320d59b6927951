#pragma once

#include "patience.hpp"

#include <libnet/libnet.hpp>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace integration {

inline constexpr libnet::run_options signals_alone{.on_signal =
                                                       libnet::run_options::signals::ignore};

/// A libnet::server on a free loopback port, on a thread of its own, or over `shards` of them. Stopped
/// and joined when it dies.
class served {
public:
    explicit served(libnet::server::session session, libnet::server_options options = {},
                    const std::string& where = "127.0.0.1:0", std::size_t shards = 0)
        : server_(where, std::move(session), with_hooks(std::move(options))),
          thread_([this, shards] {
              try {
                  serve(shards);
              } catch (const std::exception& failed) {
                  tell([&] { failure_ = failed.what(); });
              }
              tell([&] { ended_ = true; });
          })
    {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, patience, [&] { return !where_.empty() || ended_; });
    }
    served(const served&) = delete;
    served& operator=(const served&) = delete;
    ~served()
    {
        server_.stop();
        thread_.join();
    }

    libnet::server& server() noexcept { return server_; }
    const std::string& where() const noexcept { return where_; }

    /// What left run(), if anything did.
    const std::string& failure() const noexcept { return failure_; }
    std::uint16_t port() const { return libnet::endpoint::parse(where_)->port; }

    /// Whether run() has returned in time.
    bool ended(std::chrono::milliseconds limit = patience)
    {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, limit, [&] { return ended_; });
    }

    /// The report of the connection that ended next.
    std::optional<libnet::session_report> report(std::chrono::milliseconds limit = patience)
    {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, limit, [&] { return taken_ < reports_.size(); })) {
            return std::nullopt;
        }
        return reports_[taken_++];
    }

private:
    void serve(std::size_t shards)
    {
        if (shards == 0) {
            libnet::run(server_.run(), signals_alone);
        } else {
            libnet::shards all({.threads = shards});
            libnet::run(server_.run(all), signals_alone);
        }
    }

    libnet::server_options with_hooks(libnet::server_options options)
    {
        options.on_listening = [this](const std::string& local) { tell([&] { where_ = local; }); };
        options.on_close = [this](const libnet::session_report& r) {
            tell([&] { reports_.push_back(r); });
        };
        return options;
    }

    template <class Change>
    void tell(Change change)
    {
        const std::lock_guard lock(mutex_);
        change();
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::string where_;
    std::string failure_;
    std::vector<libnet::session_report> reports_;
    std::size_t taken_ = 0;
    bool ended_ = false;
    libnet::server server_;
    std::thread thread_;
};

inline libnet::task<> echo(libnet::connection& peer)
{
    while (auto frame = co_await peer.receive()) {
        co_await peer.send(*frame);
    }
}

}  // namespace integration
