#include "contract/stream_world.hpp"

#include <libnet/asio.hpp>
#include <libnet/testing/stream_pair.hpp>
#include <libnet/tls.hpp>
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

/// TLS over the streams of another world.
class tls final : public stream_world {
public:
    explicit tls(std::unique_ptr<stream_world> below) : below_(std::move(below)) {}

    loop& home() override { return below_->home(); }
    void settle() override { below_->settle(); }
    bool drive(const std::function<bool()>& done) override { return below_->drive(done); }

    ends connect() override
    {
        static const tls_certificate own = tls_certificate::self_signed();
        static const auto server = tls_context::server({{}, {own}});
        static const auto client = [] {
            tls_client_options options;
            options.pinned = {own.fingerprint()};
            return tls_context::client(options);
        }();
        ends plain = below_->connect();
        ends e;
        start(shake_hands(client, std::move(plain.left), e.left));
        start(shake_hands(server, std::move(plain.right), e.right));
        if (!drive([&] { return e.left && e.right; })) {
            throw std::runtime_error("no handshake");
        }
        settle();
        return e;
    }

    void reset(ends& e) override { below_->reset(e); }

private:
    static task<> shake_hands(const tls_context& context, std::unique_ptr<stream> below,
                              std::unique_ptr<stream>& to)
    {
        endpoint where{.host = "localhost", .port = 1};
        auto building = context(std::move(below), std::move(where));
        to = co_await checked(std::move(building));
    }

    std::unique_ptr<stream_world> below_;
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

std::unique_ptr<stream_world> tls_world(std::unique_ptr<stream_world> below)
{
    return std::make_unique<tls>(std::move(below));
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
            {"tls_over_memory", [] { return tls_world(memory_world()); }, error::truncated_stream},
            {"tls_over_tcp", [] { return tls_world(tcp_world("127.0.0.1")); },
             error::truncated_stream},
            {"tls_over_tls", [] { return tls_world(tls_world(memory_world())); },
             error::truncated_stream},
    };
    return kinds;
}

}  // namespace libnet::tests
