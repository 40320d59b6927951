/// One client that sends a message, waits for its echo, and sends the next: prints the median of
/// how long that takes, in nanoseconds, and the 99th percentile, after a warm-up.
///
///     lonely_load PORT SERVER_PID SIZE SECONDS     (nothing is asked of the server's process)

#include "load.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

void echo(int descriptor, const std::string& message, std::string& answer)
{
    const auto size = static_cast<ssize_t>(message.size());
    if (::send(descriptor, message.data(), message.size(), MSG_NOSIGNAL) != size ||
        ::recv(descriptor, answer.data(), answer.size(), MSG_WAITALL) != size) {
        bench::die("an echo");
    }
    if (answer != message) {
        std::fprintf(stderr, "an echo differs from what was sent\n");
        std::exit(1);
    }
}

}  // namespace

int main(int count, char** arguments)
{
    if (count != 5) {
        std::fprintf(stderr, "lonely_load PORT SERVER_PID SIZE SECONDS\n");
        return 2;
    }
    const int descriptor = bench::connect_to(std::atoi(arguments[1]));
    const auto size = static_cast<std::uint32_t>(std::atoi(arguments[3]));
    const std::chrono::duration<double> seconds(std::atof(arguments[4]));
    const std::uint32_t wire = htonl(size);
    std::string message(reinterpret_cast<const char*>(&wire), sizeof wire);
    message.append(size, 'm');
    std::string answer(message.size(), '\0');

    std::vector<std::int64_t> took;
    const auto began = clock_type::now();
    for (auto sent = began; sent - began < 1.25 * seconds;) {
        echo(descriptor, message, answer);
        const auto now = clock_type::now();
        if (now - began > 0.25 * seconds) {
            took.push_back(std::chrono::nanoseconds(now - sent).count());
        }
        sent = now;
    }
    if (took.empty()) {
        std::fprintf(stderr, "no echo came back in time\n");
        return 1;
    }
    std::ranges::sort(took);
    std::printf("%lld ns_p50 %lld ns_p99 %zu messages\n",
                static_cast<long long>(took[took.size() / 2]),
                static_cast<long long>(took[took.size() * 99 / 100]), took.size());
    return 0;
}
