#include "crowd.hpp"

#include "integration/support/echo_server.hpp"
#include "integration/support/process_figures.hpp"
#include "integration/support/rude_clients.hpp"

#include <gtest/gtest.h>

/// Clients that take nothing of what is sent, and some that never come to an end themselves.
namespace {

using namespace soak;

TEST(Memory, AThousandStalledReadersHoldTheirMarkAndNoMore)
{
    constexpr std::size_t count = 1000;
    constexpr std::size_t frame = 8 * 1024;
    libnet::server_options options;
    options.connection.send_timeout = libnet::never;
    const std::size_t mark = options.connection.high_water_mark;
    const std::size_t grown = integration::memory_of_stalled_readers(count, frame, options, 3s);
    const std::size_t bound = count * (mark + frame);
    print("%zu stalled readers: %.1f MiB, and the mark and one frame of each are %.1f MiB", count,
          mebibytes(grown), mebibytes(bound));
    EXPECT_GT(grown, count * mark / 2) << "nobody was stalled";
    EXPECT_LT(grown, bound * 11 / 10);
}

/// One that sends and reads nothing, or one that never ends its message; again and again, since the
/// budget ends some of them.
class greedy_client {
public:
    greedy_client(std::uint16_t port, bool reads_nothing)
        : port_(port), reads_nothing_(reads_nothing)
    {
        come();
    }

    /// As much as goes without waiting. False if it was ended, and came back.
    bool push(const std::string& message, const std::string& piece)
    {
        const std::string& data = reads_nothing_ ? message : piece;
        const ssize_t count = ::send(client_->descriptor(), data.data() + sent_,
                                     data.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0) {
            if (errno == EAGAIN) {
                return true;
            }
            come();
            return false;
        }
        sent_ = (sent_ + static_cast<std::size_t>(count)) % data.size();
        return true;
    }

private:
    void come()
    {
        client_.emplace(port_, 4096);
        const int small = 16 * 1024;  // what the kernel holds is not looked at here
        ::setsockopt(client_->descriptor(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        sent_ = 0;
        if (!reads_nothing_) {
            client_->send(framed(std::string(1'000'000, 'x')).substr(0, 4));
        }
    }

    std::uint16_t port_;
    bool reads_nothing_;
    std::optional<client_socket> client_;
    std::size_t sent_ = 0;
};

TEST(Memory, ABudgetHoldsAgainstTenThousand)
{
    constexpr std::size_t most = 290 * 1024 * 1024;
    const std::size_t count = at_most(10'000);
    integration::echo_server server({"--quiet", "--memory-budget", "256MiB", "--max-connections",
                                     "20000", "--send-timeout", "never", "--frame-timeout", "never",
                                     "--idle-timeout", "never", "--send-buffer", "16KiB",
                                     "--receive-buffer", "32KiB"});
    honest_clients honest(server.port(), 20);
    std::vector<greedy_client> crowd;
    for (std::size_t i = 0; i < count; ++i) {
        crowd.emplace_back(server.port(), i % 2 == 0);
    }
    const std::string message = framed(std::string(8 * 1024, 'x'));
    const std::string piece(4096, 'x');
    std::size_t ended = 0;
    std::size_t rounds = 0;
    for (const auto end = steady::now() + 60s; steady::now() < end; ++rounds) {
        for (greedy_client& client : crowd) {
            ended += client.push(message, piece) ? 0 : 1;
        }
        ASSERT_LT(integration::peak_memory(server.id()), most);
    }
    honest.stop();
    print("%zu stalled readers and slow senders, budget 256 MiB: at most %.1f MiB resident in %zu "
          "rounds, %zu were ended; %zu honest requests, slowest %.1f ms",
          count, mebibytes(integration::peak_memory(server.id())), rounds, ended, honest.requests(),
          honest.slowest_in_milliseconds());
    EXPECT_GT(integration::peak_memory(server.id()), most / 2) << "there was no pressure";
    EXPECT_EQ(honest.unanswered(), 0U);
}

}  // namespace
