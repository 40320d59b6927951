#include "contract/stream_world.hpp"

#include <libnet/asio.hpp>
#include <libnet/testing/stream_pair.hpp>
#include <libnet/transport/tcp.hpp>

#include <boost/asio/io_context.hpp>

#include <stdexcept>
#include <sys/socket.h>

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

class tcp_loopback final : public world_on_a_context {
public:
    explicit tcp_loopback(const char* address) : address_(address) {}

    ends connect() override
    {
        const auto listening = tcp::listen(home(), {address_, 0});
        ends e;
        start(accept_one(*listening, e.right));
        start(connect_to(listening->local(), e.left));
        if (!drive([&] { return e.left && e.right; })) {
            throw std::runtime_error("no connection over loopback");
        }
        settle();
        return e;
    }

    void reset(ends& e) override
    {
        const linger at_once{1, 0};
        ::setsockopt(e.right->native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        e.right->close();
    }

private:
    static task<> accept_one(listener& from, std::unique_ptr<stream>& to)
    {
        to = co_await checked(from.accept());
    }

    static task<> connect_to(std::string where, std::unique_ptr<stream>& to)
    {
        endpoint parsed = endpoint::parse(where).value();
        to = co_await checked(tcp::connect(std::move(parsed)));
    }

    const char* address_;
};

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

const std::vector<stream_kind>& stream_kinds()
{
    static const std::vector<stream_kind> kinds{
        {"memory", [] { return memory_world(); }},
        {"tcp", [] { return tcp_world("127.0.0.1"); }},
        {"tcp_v6", [] { return tcp_world("::1"); }},
    };
    return kinds;
}

}  // namespace libnet::tests
