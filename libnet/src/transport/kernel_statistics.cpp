#include <libnet/transport/kernel_statistics.hpp>

#if defined(__linux__)

#include <array>
#include <chrono>
#include <cstring>

#include <linux/sockios.h>
#include <linux/tcp.h>  // the C library's own tcp_info lacks what came later
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace libnet {
namespace {

/// The struct as far as this kernel fills it.
class answered_tcp_info {
public:
    explicit answered_tcp_info(int descriptor) noexcept
    {
        if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info_, &size_) != 0) {
            size_ = 0;
        }
    }

    bool empty() const noexcept { return size_ == 0; }

    /// Some are bit-fields, or not filled by older kernels, so that each is looked at by its end.
    template <class Field>
    const Field* find(Field tcp_info::*field) const noexcept
    {
        const Field& found = info_.*field;
        const auto end =
            reinterpret_cast<const char*>(&found + 1) - reinterpret_cast<const char*>(&info_);
        return end <= static_cast<std::ptrdiff_t>(size_) ? &found : nullptr;
    }

private:
    tcp_info info_{};
    socklen_t size_ = sizeof info_;
};

std::optional<std::size_t> queued(int descriptor, unsigned long request) noexcept
{
    int count = 0;
    if (::ioctl(descriptor, request, &count) != 0 || count < 0) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(count);
}

std::string_view name_of_state(std::uint8_t state) noexcept
{
    constexpr std::array<std::string_view, 12> names{
        "",          "ESTAB",  "SYN-SENT",   "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2",
        "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN",     "CLOSING"};
    return state < names.size() ? names[state] : std::string_view();
}

template <class Unit>
std::optional<duration> time(const std::uint32_t* count) noexcept
{
    return count != nullptr ? std::optional<duration>(Unit(*count)) : std::nullopt;
}

template <class Field>
std::optional<Field> number(const Field* field) noexcept
{
    return field != nullptr ? std::optional<Field>(*field) : std::nullopt;
}

void read_tcp(const answered_tcp_info& info, kernel_statistics& found) noexcept
{
    using std::chrono::microseconds;
    using std::chrono::milliseconds;
    if (const auto* state = info.find(&tcp_info::tcpi_state)) {
        found.state = name_of_state(*state);
    }
    found.round_trip = time<microseconds>(info.find(&tcp_info::tcpi_rtt));
    found.round_trip_variation = time<microseconds>(info.find(&tcp_info::tcpi_rttvar));
    found.shortest_round_trip = time<microseconds>(info.find(&tcp_info::tcpi_min_rtt));
    if (found.shortest_round_trip == microseconds(UINT32_MAX)) {
        found.shortest_round_trip.reset();  // it has not measured any
    }
    found.congestion_window = number(info.find(&tcp_info::tcpi_snd_cwnd));
    found.unacknowledged = number(info.find(&tcp_info::tcpi_unacked));
    found.lost = number(info.find(&tcp_info::tcpi_lost));
    found.retransmitted = number(info.find(&tcp_info::tcpi_total_retrans));
    if (const auto* rate = info.find(&tcp_info::tcpi_delivery_rate)) {
        found.delivery_rate = *rate;
    }
    found.since_received = time<milliseconds>(info.find(&tcp_info::tcpi_last_data_recv));
    found.since_sent = time<milliseconds>(info.find(&tcp_info::tcpi_last_data_sent));
}

}  // namespace

std::optional<kernel_statistics> read_kernel_statistics(int native_handle)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(native_handle, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        return std::nullopt;
    }
    kernel_statistics found;
    found.receive_queue = queued(native_handle, SIOCINQ);
    found.send_queue = queued(native_handle, SIOCOUTQ);
    if (const answered_tcp_info info(native_handle); !info.empty()) {
        read_tcp(info, found);
    }
    return found;
}

}  // namespace libnet

#else

namespace libnet {

std::optional<kernel_statistics> read_kernel_statistics(int)
{
    return std::nullopt;
}

}  // namespace libnet

#endif
