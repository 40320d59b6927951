#include "newcomers.hpp"

#if defined(__linux__)
#include <array>
#include <linux/filter.h>
#include <sys/socket.h>
#endif

namespace libnet::detail {

#if defined(__linux__)

void keep_newcomers_out(int listening) noexcept
{
    // The socket sees a packet from its TCP header on (RFC 9293, 3.1):
    //
    //     byte 13   | CWR ECE URG ACK PSH RST SYN FIN |
    constexpr unsigned flags_of_tcp = 13;
    constexpr unsigned syn = 0x02;
    constexpr unsigned ack = 0x10;
    std::array<sock_filter, 5> program{{
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_of_tcp),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, syn | ack),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syn, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),            // the first packet: none of it
        BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFFU),  // any other: all of it
    }};
    const sock_fprog filter{.len = program.size(), .filter = program.data()};
    // What cannot be kept out is bounded by the backlog.
    (void)::setsockopt(listening, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

#else

void keep_newcomers_out(int) noexcept {}

#endif

}  // namespace libnet::detail
