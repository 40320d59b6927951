#include "contract/stream_world.hpp"

#include <libnet/asio.hpp>
#include <libnet/testing/stream_pair.hpp>
#include <libnet/transport/tcp.hpp>
#include <libnet/transport/unix_domain.hpp>

#include <boost/asio/io_context.hpp>

#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace libnet::tests {
namespace {

class world_on_a_context : public stream_world {
public:
    loop& home() override { return loop_of(io_); }

    void settle() override
    {
        do {
            io_.restart();
        } while (io_.poll() != 0);
    }

    bool drive(const std::function<bool()>& done) override
    {
        while (!done()) {
            io_.restart();
            if (io_.run_one_for(std::chrono::seconds(10)) == 0) {
                return done();
            }
        }
        return true;
    }

protected:
    asio::io_context io_;
};

class memory final : public world_on_a_context {
public:
    ends connect() override
    {
        pair_.emplace(home());
        return {pair_->take_left(), pair_->take_right()};
    }

    void reset(ends& e) override
    {
        pair_->backward().reset_after = pair_->backward_bytes();
        e.right.reset();
    }

private:
    std::optional<testing::stream_pair> pair_;
};

/// Sockets of the system.
class sockets : public world_on_a_context {
public:
    ends connect() override
    {
        const auto listening = listen();
        ends e;
        start(accept_one(*listening, e.right));
        start(connect_to(listening->local(), e.left));
        if (!drive([&] { return e.left && e.right; })) {
            throw std::runtime_error("no connection over loopback");
        }
        settle();
        left_descriptor_ = e.left->native_handle();
        return e;
    }

protected:
    int left_descriptor() const noexcept { return left_descriptor_; }
    virtual std::unique_ptr<listener> listen() = 0;

private:
    static task<> accept_one(listener& from, std::unique_ptr<stream>& to)
    {
        to = co_await checked(from.accept());
    }

    static task<> connect_to(std::string where, std::unique_ptr<stream>& to)
    {
        endpoint parsed = endpoint::parse(where).value();
        auto connecting = parsed.is_unix() ? unix_domain::connect(std::move(parsed.path))
                                           : tcp::connect(std::move(parsed));
        to = co_await checked(std::move(connecting));
    }

    int left_descriptor_ = -1;
};

class tcp_loopback final : public sockets {
public:
    explicit tcp_loopback(const char* address) : address_(address) {}

    void reset(ends& e) override
    {
        const linger at_once{1, 0};
        ::setsockopt(e.right->native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        e.right->close();
    }

private:
    std::unique_ptr<listener> listen() override { return tcp::listen(home(), {address_, 0}); }

    const char* address_;
};

class unix_sockets final : public sockets {
public:
    explicit unix_sockets(std::string path) : path_(std::move(path)) {}

    /// A Unix socket has no other way: it resets when it closes over bytes that it has not read.
    void reset(ends& e) override
    {
        ::send(left_descriptor(), "x", 1, MSG_NOSIGNAL);
        e.right->close();
    }

private:
    std::unique_ptr<listener> listen() override { return unix_domain::listen(home(), path_); }

    std::string path_;
};

/// Tests run side by side, each in a process of its own.
std::string own_name(std::string_view before)
{
    return std::string(before) + "libnet-contract-" + std::to_string(::getpid());
}

}  // namespace

void stream_world::start(task<> body)
{
    spawn(home(), std::move(body), [this](std::exception_ptr thrown, const result<>& outcome) {
        ++ended_;
        failed_ += thrown || outcome.has_error() ? 1 : 0;
    });
}

std::unique_ptr<stream_world> memory_world()
{
    return std::make_unique<memory>();
}

std::unique_ptr<stream_world> tcp_world(const char* address)
{
    return std::make_unique<tcp_loopback>(address);
}

std::unique_ptr<stream_world> unix_world(std::string path)
{
    return std::make_unique<unix_sockets>(std::move(path));
}

const std::vector<stream_kind>& stream_kinds()
{
    static const std::vector<stream_kind> kinds
    {
        {"memory", [] { return memory_world(); }}, {"tcp", [] { return tcp_world("127.0.0.1"); }},
            {"tcp_v6", [] { return tcp_world("::1"); }},
            {"unix", [] { return unix_world(own_name("/tmp/")); }},
#if defined(__linux__)
            {"unix_abstract", [] { return unix_world(own_name("@")); }},
#endif
    };
    return kinds;
}

}  // namespace libnet::tests
