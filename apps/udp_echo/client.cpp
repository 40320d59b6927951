/// udp_echo_client: sends numbered datagrams to an echo server and says what became of them.

#include "../support/flags.hpp"
#include "../support/program.hpp"

#include <algorithm>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace libnet::literals;
using libnet::checked;

constexpr std::size_t smallest = 16;  // the number of the run and that of the datagram
constexpr std::size_t largest = 65'000;

struct settings {
    std::string connect = "127.0.0.1:9000";
    std::uint64_t count = 10;
    std::size_t size = 64;
    std::uint64_t rate = 1'000;
    libnet::duration timeout = 1s;
    unsigned retry = 0;
};

/// What became of the datagrams, or of the requests.
struct outcome {
    std::uint64_t answered = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t reordered = 0;
    std::uint64_t sent_again = 0;
    std::vector<std::uint64_t> given_up;  // the numbers of requests, from 0
    std::vector<libnet::duration> round_trips;
};

std::string in_milliseconds(libnet::duration d)
{
    std::ostringstream text;
    text << std::fixed << std::setprecision(3)
         << std::chrono::duration<double, std::milli>(d).count();
    return text.str();
}

std::string percent(std::uint64_t part, std::uint64_t whole)
{
    std::ostringstream text;
    text << std::fixed << std::setprecision(1)
         << 100.0 * static_cast<double>(part) / static_cast<double>(whole) << " %";
    return text.str();
}

/// "given up: 3, 17, 20 and 5 more"
void report_given_up(std::vector<std::uint64_t>& numbers)
{
    constexpr std::size_t most = 20;
    std::sort(numbers.begin(), numbers.end());
    std::string line;
    for (std::size_t i = 0; i < std::min(most, numbers.size()); ++i) {
        line += (i == 0 ? "given up: " : ", ") + std::to_string(numbers[i]);
    }
    if (numbers.size() > most) {
        line += " and " + std::to_string(numbers.size() - most) + " more";
    }
    if (!line.empty()) {
        std::cout << line << '\n';
    }
}

void report(const settings& s, outcome& o)
{
    const std::uint64_t lost = s.count - o.answered;
    std::cout << flags::count(s.count, s.retry == 0 ? "datagram" : "request") << ", " << o.answered
              << " answered, " << lost << (s.retry == 0 ? " lost (" : " given up (")
              << percent(lost, s.count) << "), " << flags::count(o.duplicates, "duplicate");
    if (s.retry == 0) {
        std::cout << ", " << o.reordered << " reordered\n";
    } else {
        std::cout << ", " << o.sent_again << " sent again\n";
        report_given_up(o.given_up);
    }
    if (o.round_trips.empty()) {
        return;
    }
    std::sort(o.round_trips.begin(), o.round_trips.end());
    const auto at = [&](std::size_t percentage) {
        return in_milliseconds(o.round_trips[(o.round_trips.size() - 1) * percentage / 100]);
    };
    std::cout << "round trip in ms: min " << at(0) << ", p50 " << at(50) << ", p90 " << at(90)
              << ", p99 " << at(99) << ", max " << at(100) << '\n';
}

[[noreturn]] void fail(const settings& s, const libnet::error_code& why)
{
    namespace errc = boost::system::errc;
    throw std::runtime_error(
        s.connect + ": " + why.message() +
        (why == errc::connection_refused
             ? ": nobody listens there; start udp_echo_server, or see --connect"
             : "; see --connect"));
}

/// So many a second, counted from the first.
struct pace {
    libnet::time_point begin;
    std::uint64_t rate;

    libnet::time_point of(std::uint64_t number) const
    {
        return begin + std::chrono::nanoseconds(number * 1'000'000'000 / rate);
    }
};

void write(std::string& datagram, std::size_t at, std::uint64_t number)
{
    for (std::size_t i = 8; i != 0; --i) {
        datagram[at + i - 1] = static_cast<char>(number & 0xFF);
        number >>= 8;
    }
}

std::uint64_t read(libnet::bytes datagram, std::size_t at)
{
    return *libnet::request_id{}.read(datagram.subspan(at));
}

// --- datagrams: each is sent once ------------------------------------------------------------------

struct probe {
    const settings& s;
    libnet::udp_socket& socket;
    outcome& found;
    const libnet::error_code& refused;
    std::uint64_t run = std::random_device{}();
    std::vector<libnet::time_point> left{};
    libnet::duplicate_window<65'536> seen{};

    libnet::task<> receive_answers()
    {
        while (found.answered < s.count) {
            const auto received = co_await checked(socket.receive());
            const libnet::bytes payload = received.payload();
            if (payload.size() != s.size || read(payload, 0) != run ||
                read(payload, 8) >= left.size()) {
                continue;  // of another run, or none of ours
            }
            using verdict = libnet::duplicate_window<65'536>::verdict;
            const std::uint64_t number = read(payload, 8);
            const verdict v = seen.look(number);
            if (v == verdict::duplicate || v == verdict::too_old) {
                ++found.duplicates;
                continue;
            }
            ++found.answered;
            found.reordered += v == verdict::late ? 1 : 0;
            found.round_trips.push_back(socket.home().now() - left[number]);
        }
    }

    libnet::task<> send_all()
    {
        std::string datagram(s.size, 'x');
        write(datagram, 0, run);
        left.reserve(s.count);
        const pace steps{socket.home().now(), s.rate};
        for (std::uint64_t i = 0; i < s.count; ++i) {
            if (steps.of(i) > socket.home().now()) {
                co_await checked(libnet::sleep_until(steps.of(i)));
            }
            if (refused) {
                fail(s, refused);
            }
            write(datagram, 8, i);
            left.push_back(socket.home().now());
            while (!socket.send(datagram)) {
                co_await checked(socket.flush());
            }
        }
        co_await checked(socket.flush());
    }
};

libnet::task<> send_datagrams(const settings& s, outcome& found)
{
    libnet::error_code refused;
    libnet::udp_options options;
    options.on_error = [&refused](const libnet::datagram_error& e) { refused = e.why; };
    auto connected = co_await libnet::udp_socket::connect(s.connect, options);
    if (!connected) {
        fail(s, connected.error());
    }
    libnet::udp_socket& socket = *connected;
    probe p{s, socket, found, refused};
    auto both = [&](libnet::group& tasks) -> libnet::task<> {
        tasks.start(p.receive_answers());
        co_await checked(p.send_all());
        (void)co_await libnet::within(s.timeout, tasks.join());
        if (refused && found.answered == 0) {
            fail(s, refused);
        }
    };
    co_await checked(libnet::with_group(both));
}

// --- requests: each is sent until it is answered -----------------------------------------------------

libnet::task<> ask(libnet::udp_client& server, std::string message, outcome& found)
{
    const libnet::time_point began = (co_await libnet::this_loop()).now();
    const auto answer = co_await server.request(message);
    if (answer && *answer == message) {
        ++found.answered;
        found.round_trips.push_back((co_await libnet::this_loop()).now() - began);
    } else if (!answer && answer.error() == boost::system::errc::connection_refused) {
        co_await libnet::fail(answer.error());
    } else {
        found.given_up.push_back(read(libnet::as_bytes(message), 0));
    }
}

libnet::task<> send_requests(const settings& s, outcome& found)
{
    libnet::udp_client_options options;
    options.retransmission.attempts = s.retry + 1;
    options.timeout = s.timeout;
    auto connected = co_await libnet::udp_client::connect(s.connect, options);
    if (!connected) {
        fail(s, connected.error());
    }
    libnet::udp_client& server = *connected;
    auto all = [&](libnet::group& requests) -> libnet::task<> {
        libnet::loop& home = co_await libnet::this_loop();
        const pace steps{home.now(), s.rate};
        for (std::uint64_t i = 0; i < s.count; ++i) {
            while (steps.of(i) > home.now() || requests.size() >= options.max_requests) {
                co_await checked(libnet::sleep_until(std::max(steps.of(i), home.now() + 1ms)));
            }
            std::string message(s.size - 8, 'x');  // the client puts its number before it
            write(message, 0, i);
            requests.start(ask(server, std::move(message), found));
        }
        co_await checked(requests.join());
    };
    const auto ended = co_await libnet::with_group(all);
    if (!ended) {
        fail(s, ended.error());
    }
    const auto counted = server.stats();
    found.duplicates = counted.duplicates;
    found.sent_again = counted.retransmitted;
}

}  // namespace

int main(int argc, char** argv)
{
    CLI::App app(
        "Sends numbered datagrams to an echo server, and says how many came back, how many\n"
        "twice or out of order, and how long they took; with --retry also which were given up.\n"
        "Exit code: 0 if all were answered, 1 if not, 2 for wrong usage.\n");
    app.footer("\nTry it:\n"
               "  udp_echo_client --count 10000 --rate 5000\n"
               "  udp_echo_client --count 1000 --retry 5 --timeout 10s\n");
    settings s;
    flags::add_udp_endpoint(app, "--connect", s.connect, "The server");
    app.add_option("--count", s.count, "How many datagrams")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}).description(""));
    flags::add_size(app, "--size", s.size, "Bytes in each, 16 to 65000");
    app.add_option("--rate", s.rate, "How many a second")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}).description(""));
    flags::add_duration(app, "--timeout", s.timeout,
                        "How long to wait for what is under way; with --retry, how long each\n"
                        "request may take");
    app.add_option("--retry", s.retry,
                   "Sends what is not answered again, so many times at most, and counts\n"
                   "requests instead of datagrams")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(0u, 1'000u).description(""));

    return sample::run_program("udp_echo_client", app, argc, argv, [&] {
        if (s.size < smallest || s.size > largest) {
            throw CLI::ValidationError("--size", "a datagram here has 16 to 65000 bytes");
        }
        outcome found;
        const int code =
            libnet::run(s.retry == 0 ? send_datagrams(s, found) : send_requests(s, found));
        report(s, found);
        return code != 0 ? code : (found.answered == s.count ? 0 : 1);
    });
}
