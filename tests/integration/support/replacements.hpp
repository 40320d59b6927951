#pragma once

#include "echo_server.hpp"
#include "restless_clients.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

/// A server that ends, or is replaced, under the eyes of clients who never stop asking.
namespace integration {

/// The signal comes while `connections` clients ask. Whatever had been sent by then is answered, and what
/// the server has received is what clients have answers to.
inline void end_under_load(std::size_t connections)
{
    using namespace std::chrono_literals;
    echo_server server({"--quiet", "--drain-timeout", "5s"});
    ASSERT_NE(server.port(), 0);
    restless_clients clients(server.port(), connections, restless_clients::habit::stay);
    ASSERT_TRUE(clients.answered(2 * connections));
    clients.come_no_more();
    clients.mark();
    server.signal(SIGTERM);
    const auto ended = server.process().finish(6s);
    const auto seen = clients.stop();
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.output,
                testing::HasSubstr(", " + std::to_string(seen.replies) + " messages"));
    EXPECT_EQ(seen.lost, 0U);
    EXPECT_EQ(seen.resets, 0U);
    EXPECT_EQ(seen.wrong, 0U);
    EXPECT_EQ(seen.refused, 0U);
}

/// How the process behind a port is replaced.
class replacement {
public:
    virtual ~replacement() = default;

    std::uint16_t port() const { return server_->port(); }

    /// By another; the old one ends in good order. `begin` is called before it hears of it.
    template <class Begin>
    void replace(Begin begin)
    {
        exchange(begin);
    }

    int stop() { return server_->stop(SIGTERM).code; }

protected:
    virtual void exchange(const std::function<void()>& begin) = 0;

    /// Of the old process, which has been told.
    static void expect_end(echo_server& old) { EXPECT_EQ(old.process().finish().code, 0); }

    std::unique_ptr<echo_server> server_;
};

/// The new process listens beside the old one; then that is told to end.
class by_reuse_port final : public replacement {
public:
    by_reuse_port() { server_ = std::make_unique<echo_server>(flags("127.0.0.1:0")); }

private:
    static std::vector<std::string> flags(const std::string& where)
    {
        return {"--quiet", "--reuse-port", "--listen", where};
    }

    void exchange(const std::function<void()>& begin) override
    {
        auto next = std::make_unique<echo_server>(flags(server_->where()));
        ASSERT_EQ(next->where(), server_->where());
        begin();
        server_->signal(SIGTERM);
        expect_end(*server_);
        server_ = std::move(next);
    }
};

/// The new process asks the old one for its socket, which then ends by itself.
class by_takeover final : public replacement {
public:
    by_takeover()
    {
        path_ = testing::TempDir() + "libnet-takeover-" + std::to_string(::getpid());
        server_ = std::make_unique<echo_server>(flags("127.0.0.1:0"));
    }
    ~by_takeover() override { std::remove(path_.c_str()); }

private:
    std::vector<std::string> flags(const std::string& where) const
    {
        return {"--quiet", "--takeover", path_, "--listen", where};
    }

    void exchange(const std::function<void()>& begin) override
    {
        begin();
        auto next = std::make_unique<echo_server>(flags(server_->where()));
        ASSERT_EQ(next->where(), server_->where());
        expect_end(*server_);
        server_ = std::move(next);
    }

    std::string path_;
};

/// The socket is held by whoever starts the processes, as systemd does; the new one starts when the old
/// one has ended, and clients wait in the queue meanwhile.
class by_activation final : public replacement {
public:
    by_activation()
    {
        held_ = ::socket(AF_INET, SOCK_STREAM, 0);  // not close-on-exec
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(held_, reinterpret_cast<const sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(held_, 4096), 0);
        ::getsockname(held_, reinterpret_cast<sockaddr*>(&address), &size);
        where_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        server_ = start();
    }
    ~by_activation() override { ::close(held_); }

private:
    std::unique_ptr<echo_server> start() const
    {
        const std::string activate =
            "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=echo exec \"$@\" 3<&" +
            std::to_string(held_);
        return std::make_unique<echo_server>(
            std::vector<std::string>{"--quiet", "--listen", where_}, child_process::setup{.kept = held_},
            std::vector<std::string>{"bash", "-c", activate, "bash"});
    }

    void exchange(const std::function<void()>& begin) override
    {
        begin();
        server_->signal(SIGTERM);
        expect_end(*server_);
        server_ = start();
        ASSERT_EQ(server_->where(), where_);
    }

    int held_ = -1;
    std::string where_;
};

/// `times` times, under `connections` clients who stay and as many who come and go. Nobody is refused,
/// nobody is reset, and what had been sent before the old process heard of it is answered. Whoever comes
/// with one request and goes does not even notice.
inline void replace_under_load(replacement& process, int times, std::size_t connections)
{
    restless_clients staying(process.port(), connections, restless_clients::habit::stay);
    restless_clients passing(process.port(), connections, restless_clients::habit::come_and_go);
    ASSERT_TRUE(staying.answered(connections));
    for (int i = 0; i < times && !testing::Test::HasFailure(); ++i) {
        SCOPED_TRACE(i);
        process.replace([&] {
            staying.mark();
            passing.mark();
        });
        EXPECT_TRUE(staying.answered(connections));
        EXPECT_TRUE(passing.answered(connections));
    }
    const auto stayed = staying.stop();
    const auto passed = passing.stop();
    EXPECT_EQ(stayed.lost, 0U);
    EXPECT_EQ(stayed.refused + stayed.resets + stayed.wrong, 0U)
        << stayed.refused << " refused, " << stayed.resets << " reset";
    EXPECT_EQ(passed.lost + passed.crossed, 0U);
    EXPECT_EQ(passed.refused + passed.resets + passed.wrong, 0U)
        << passed.refused << " refused, " << passed.resets << " reset";
    EXPECT_EQ(process.stop(), 0);
    testing::Test::RecordProperty("replies", std::to_string(stayed.replies + passed.replies));
    testing::Test::RecordProperty("crossed", std::to_string(stayed.crossed));
    std::printf(
        "%d replacements: %llu replies over %llu connections, %llu requests crossed the end\n",
        times, static_cast<unsigned long long>(stayed.replies + passed.replies),
        static_cast<unsigned long long>(stayed.connections + passed.connections),
        static_cast<unsigned long long>(stayed.crossed));
}

}  // namespace integration
