#pragma once

#include <libnet/core/config.hpp>
#include <libnet/policy/lending.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/session/connect.hpp>
#include <libnet/session/connection.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace libnet {

namespace detail {
class pool_state;
}

/// How connections are made, lent, looked at and given up.
struct pool_options {
    /// How connections are made: framing, timeouts, TLS. What TLS resumes, all of them share.
    connect_options connect{};

    /// How many, for how long, for whom.
    lending_options lending{};

    /// What every connection begins with: a greeting, a password. Under `connect_timeout` again. If it
    /// fails, connecting has failed.
    std::function<task<>(connection&)> prepare = nullptr;

    /// Whether an idle connection is still good: a ping and its answer. Without one, only a look tells
    /// that the server has ended it.
    std::function<task<>(connection&)> check = nullptr;

    /// Connects in another way than by `libnet::connect`.
    std::function<task<connection>(std::string_view where)> connector = nullptr;

    /// How long those who have borrowed may take when the pool drains; then their connections end with
    /// `drain_timeout`.
    duration drain_timeout = std::chrono::seconds(30);
};

/// A connection that was borrowed. Gives it back when it dies, however it comes to that.
///
/// It is lent again if it is between two calls: it has not ended, nothing is unread, and as many
/// messages have been received as were sent since it was borrowed. Else it is closed, so that nobody
/// ever reads an answer that was meant for somebody who gave up.
class LIBNET_ASIO_DECL lease {
public:
    lease(lease&& other) noexcept
        : pool_(std::move(other.pool_)), place_(other.place_), trusted_(other.trusted_)
    {
    }
    lease& operator=(lease&& other) noexcept
    {
        std::swap(pool_, other.pool_);
        std::swap(place_, other.place_);
        std::swap(trusted_, other.trusted_);
        return *this;
    }
    ~lease();

    /// Valid as long as this.
    connection& operator*() const noexcept;
    connection* operator->() const noexcept { return &**this; }

    /// Which of the pool's endpoints it leads to, counted from 0.
    std::size_t endpoint() const noexcept;

    /// Where messages do not pair up: says that it is between two calls, whatever the numbers say.
    void keep() noexcept { trusted_ = true; }

    /// Gives it back now. The connection is no longer ours.
    void give_back() noexcept;

    /// Gives it back to be closed: only we know what is wrong with it.
    void discard() noexcept;

    /// The same, and it counts as a failure of the server, as it does by itself where the connection
    /// has ended by an error: an answer that did not come in time, say.
    void fail() noexcept;

private:
    friend class detail::pool_state;
    lease(std::shared_ptr<detail::pool_state> pool, std::size_t place) noexcept
        : pool_(std::move(pool)), place_(place)
    {
    }

    std::shared_ptr<detail::pool_state> pool_;
    std::size_t place_;
    bool trusted_ = false;
};

/// An endpoint of a pool.
struct pool_endpoint {
    std::string where;                ///< "quotes:9000", as it was given
    std::size_t size = 0;             ///< connections: being made, idle and lent
    std::size_t in_use = 0;           ///< of these, lent
    circuit state = circuit::closed;  ///< whether it is tried at all
    bool ejected = false;             ///< left out for a while, since it fails more than the others
    error_code last_failure{};        ///< of connecting
};

/// Connections to a server, or to several that are as good as each other, shared by those who call.
///
///     pool servers("127.0.0.1:6379", options);
///     g.start(servers.run());
///     ...
///     auto peer = co_await checked(servers.borrow());
///     co_await checked((*peer).send("PING"));
///     const bytes answer = co_await checked((*peer).receive());
///
/// Connections are made, checked and replaced by run(), not by those who borrow: a borrower that is
/// cancelled costs no connection.
///
/// Belongs to the loop that runs it. A lease may outlive it.
class LIBNET_ASIO_DECL pool {
public:
    /// Connects nothing yet. Throws boost::system::system_error for text that is no HOST:PORT and no
    /// unix:PATH, std::invalid_argument for options that cannot work.
    explicit pool(std::string where, pool_options options = {});
    explicit pool(std::vector<std::string> where, pool_options options = {});
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;
    ~pool();

    /// Makes, checks and replaces connections until drain() or close() or until it is cancelled, which
    /// is the same as drain(); returns when all have been given back, or after `drain_timeout`. Once.
    [[nodiscard]] task<> run();

    /// Waits for a connection, first come, first served.
    ///
    /// Errors   pool_exhausted: none became free within `borrow_timeout`, or too many wait;
    ///          circuit_open: every endpoint is failing, nothing was tried; draining.
    /// Cancel   safe. Overlap any number.
    /// Cost     no allocation where one is idle; a look at its socket, and none at the clock's.
    [[nodiscard]] operation<lease> borrow();

    /// Lends no more: who waits is told `draining`, who has borrowed may finish.
    void drain();

    /// Also ends what has been borrowed, with `closed`.
    void close();

    /// As of now: of all endpoints together, and of each.
    const lending_stats& stats() const noexcept;
    std::vector<pool_endpoint> endpoints() const;

private:
    std::shared_ptr<detail::pool_state> state_;
};

}  // namespace libnet
