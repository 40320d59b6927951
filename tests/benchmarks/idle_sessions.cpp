/// What idle sessions cost without a kernel: a server with every deadline and a heartbeat, over
/// streams in memory, on a clock that stands still until it is told otherwise. Prints one object of
/// JSON: the bytes of memory that a session holds once it is idle, beside those of its stream, and
/// what it takes to open one, to let a heartbeat pass, and to echo a message of one that is active
/// among them.
///
///     idle_sessions SESSIONS
///
/// They come in batches, one after another, so that a million need not be active at the same time.

#include "support/eager_listener.hpp"
#include "support/sessions.hpp"

#include <libnet/session/server.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using namespace libnet;
using namespace libnet::testing;

constexpr std::size_t largest_batch = 10'000;
constexpr auto batch_interval = std::chrono::seconds(3);
constexpr auto until_buffers_are_back = std::chrono::seconds(2);
constexpr auto heartbeat_interval = std::chrono::hours(1);  // a million have come by then
constexpr std::size_t echoes = 20'000;

[[noreturn]] void die(const std::string& why)
{
    std::fprintf(stderr, "idle_sessions: %s\n", why.c_str());
    std::exit(1);
}

double nanoseconds(clockid_t of)
{
    timespec now{};
    ::clock_gettime(of, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double cpu_time()
{
    return nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
}

/// Bytes of this process that are really there.
double resident()
{
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    unsigned long long size = 0;
    unsigned long long pages = 0;
    if (file == nullptr || std::fscanf(file, "%llu %llu", &size, &pages) != 2) {
        die("/proc/self/statm says nothing");
    }
    std::fclose(file);
    return static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

server_options all_protections()
{
    server_options options;
    options.connection.minimum_rate = {.bytes = 1_KiB, .interval = std::chrono::seconds(1)};
    options.connection.idle_timeout = std::chrono::hours(24);
    options.connection.lifetime = std::chrono::hours(24);
    options.connection.heartbeat =
        heartbeat{.interval = heartbeat_interval, .timeout = 3 * heartbeat_interval};
    options.memory_budget = 16 * 1024 * 1024_KiB;
    options.on_close = [](const session_report& report) {
        if (report.reason != error::closed) {
            die("a session has ended: " + report.text());
        }
    };
    options.admission = {.max_connections = 100'000'000, .max_per_address = 100};
    return options;
}

/// The clients' ends of all streams. They share one room to read into, and so one message is read at a
/// time. Counted for itself, so that no operation is the last that knows it.
class clients final : public stream_events {
public:
    explicit clients(simulation& sim) : sim_(sim) { retain(); }
    ~clients() override = default;

    void on_read(const error_code& failed, std::size_t count) override
    {
        if (failed) {
            die("a session has ended: " + failed.message());
        }
        got_ = count;
    }
    void on_write(const error_code&, std::size_t) override {}

    static void send(stream& from, const std::string& message)
    {
        const std::array pieces{as_bytes(message)};
        const result<std::size_t> written = from.try_write(pieces);
        if (!written || *written != message.size()) {
            die("a message could not be sent");
        }
    }

    /// The whole of what has come to `at`, which must be `message`.
    void expect(stream& at, const std::string& message)
    {
        got_ = 0;
        at.read_some(room_, *this);
        sim_.settle();
        if (as_text(bytes(room_).first(got_)) != message) {
            die("an answer differs from what was expected");
        }
    }

private:
    simulation& sim_;
    std::array<std::byte, 256> room_{};
    std::size_t got_ = 0;
};

std::string framed(const std::string& payload)
{
    return std::string(3, '\0') + static_cast<char>(payload.size()) + payload;
}

/// Of one session, or one echo.
struct figures {
    double bytes_of_stream = 0;
    double bytes_of_session = 0;
    double bytes_after_heartbeats = 0;
    double open_ns = 0;
    double heartbeat_ns = 0;
    double echo_p50_ns = 0;
    double echo_p99_ns = 0;
    double end_ns = 0;
};

class measurement {
public:
    explicit measurement(std::size_t count) : count_(count)
    {
        left_.reserve(count);
        right_.reserve(count);
    }

    figures run()
    {
        figures found;
        const double nothing = resident();
        make_streams();
        const double with_streams = resident();
        found.bytes_of_stream = each(with_streams - nothing);

        auto source =
            std::make_unique<tests::eager_listener>(sim_.home(), [this] { return come(); });
        doors_ = source.get();
        server echo_server(std::move(source), tests::echo, all_protections());
        sim_.start(echo_server.run());
        const time_point began = sim_.now();
        found.open_ns = each(in_batches([this](const batch& b) { return open(b); }));
        expect_active(echo_server, count_);
        found.bytes_of_session = each(resident() - with_streams);

        found.heartbeat_ns = each(in_batches([this, began](const batch& b) {
            return let_heartbeats_pass(b, began + heartbeat_interval + b.number * batch_interval);
        }));
        expect_active(echo_server, count_);
        found.bytes_after_heartbeats = each(resident() - with_streams);

        echo_of_one_that_is_active(found);
        found.end_ns = each(end_all());
        expect_active(echo_server, 0);
        sim_.cancel();
        sim_.settle();
        return found;
    }

private:
    struct batch {
        std::size_t number;
        std::size_t first;
        std::size_t last;  // that is not in it
    };

    double each(double all) const { return all / static_cast<double>(count_); }

    /// The sum of what `work` answers.
    template <class Work>
    double in_batches(Work work)
    {
        double sum = 0;
        for (std::size_t first = 0; first < count_; first += largest_batch) {
            sum += work({first / largest_batch, first, std::min(count_, first + largest_batch)});
        }
        return sum;
    }

    /// Each has carried a message in both directions, so that it is as large as it will be.
    void make_streams()
    {
        for (std::size_t i = 0; i < count_; ++i) {
            stream_pair pair(sim_.home());
            left_.push_back(pair.take_left());
            right_.push_back(pair.take_right());
            clients::send(*left_.back(), message_);
            clients::send(*right_.back(), message_);
            peers_.expect(*left_.back(), message_);
            peers_.expect(*right_.back(), message_);
        }
    }

    std::unique_ptr<stream> come()
    {
        return come_next_ < come_until_ ? std::move(right_[come_next_++]) : nullptr;
    }

    /// Answers the time that it took to get them in; each has echoed a message, and then been idle.
    double open(const batch& b)
    {
        const double began = cpu_time();
        come_until_ = b.last;
        doors_->more();
        sim_.settle();
        const double took = cpu_time() - began;
        for (std::size_t i = b.first; i < b.last; ++i) {
            clients::send(*left_[i], message_);
        }
        sim_.settle();
        for (std::size_t i = b.first; i < b.last; ++i) {
            peers_.expect(*left_[i], message_);
        }
        sim_.advance(batch_interval);
        return took;
    }

    /// Each session asks once, and each client answers. The time that the server's end of that took.
    double let_heartbeats_pass(const batch& b, time_point when)
    {
        const double began = cpu_time();
        sim_.advance(when - sim_.now());
        const double asked = cpu_time();
        for (std::size_t i = b.first; i < b.last; ++i) {
            peers_.expect(*left_[i], framed(""));
            clients::send(*left_[i], framed(""));
        }
        const double answered = cpu_time();
        sim_.advance(until_buffers_are_back);
        return asked - began + cpu_time() - answered;
    }

    static void expect_active(const server& echo_server, std::size_t count)
    {
        if (echo_server.stats().active != count) {
            die(std::to_string(echo_server.stats().active) + " sessions instead of " +
                std::to_string(count));
        }
    }

    void echo_of_one_that_is_active(figures& found)
    {
        std::vector<double> took(echoes);
        stream& client = *left_[count_ / 2];
        for (double& one : took) {
            const double began = nanoseconds(CLOCK_MONOTONIC);
            clients::send(client, message_);
            sim_.settle();
            peers_.expect(client, message_);
            one = nanoseconds(CLOCK_MONOTONIC) - began;
        }
        std::ranges::sort(took);
        found.echo_p50_ns = took[took.size() / 2];
        found.echo_p99_ns = took[took.size() * 99 / 100];
    }

    /// The clients say their last.
    double end_all()
    {
        const double began = cpu_time();
        left_.clear();
        sim_.settle();
        return cpu_time() - began;
    }

    const std::size_t count_;
    const std::string message_ = framed(std::string(64, 'm'));
    simulation sim_;
    clients peers_{sim_};
    std::vector<std::unique_ptr<stream>> left_;
    std::vector<std::unique_ptr<stream>> right_;  // until they are accepted
    std::size_t come_next_ = 0;
    std::size_t come_until_ = 0;
    tests::eager_listener* doors_ = nullptr;  // the server's
};

}  // namespace

int main(int count, char** arguments)
{
    const long sessions = count == 2 ? std::atol(arguments[1]) : 0;
    if (sessions <= 0) {
        std::fprintf(stderr, "Usage: idle_sessions SESSIONS\n");
        return 2;
    }
    measurement measured(static_cast<std::size_t>(sessions));
    const figures found = measured.run();
    std::printf("{\"sessions\": %ld, \"bytes_of_stream\": %.0f, \"bytes_of_session\": %.0f, "
                "\"bytes_after_heartbeats\": %.0f, \"open_ns\": %.0f, \"heartbeat_ns\": %.0f, "
                "\"echo_p50_ns\": %.0f, \"echo_p99_ns\": %.0f, \"end_ns\": %.0f}\n",
                sessions, found.bytes_of_stream, found.bytes_of_session,
                found.bytes_after_heartbeats, found.open_ns, found.heartbeat_ns, found.echo_p50_ns,
                found.echo_p99_ns, found.end_ns);
    return 0;
}
