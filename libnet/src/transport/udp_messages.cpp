#include "udp_messages.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#if defined(__linux__)
#include <linux/errqueue.h>
#include <netinet/udp.h>
#endif

namespace libnet::detail {
namespace {

template <class Value>
Value value_of(const cmsghdr& item) noexcept
{
    Value value{};
    std::memcpy(&value, CMSG_DATA(&item),
                std::min<std::size_t>(sizeof value, item.cmsg_len - CMSG_LEN(0)));
    return value;
}

ip_address address_of(const in_addr& a) noexcept
{
    return ip_address(std::as_bytes(std::span(&a, 1)));
}

ip_address address_of(const in6_addr& a) noexcept
{
    return ip_address(std::as_bytes(std::span(&a, 1)));
}

/// Type of service and traffic class: the lower two bits are ECN. One of them comes as a byte.
int ecn_of(const cmsghdr& item) noexcept
{
    const int value = item.cmsg_len >= CMSG_LEN(sizeof(int)) ? value_of<int>(item)
                                                             : value_of<unsigned char>(item);
    return value & 3;
}

void read_item(const cmsghdr& item, received_datagrams& to, counter& dropped) noexcept
{
    const int type = item.cmsg_type;
    if (item.cmsg_level == IPPROTO_IP) {
        if (type == IP_PKTINFO) {
            const auto info = value_of<in_pktinfo>(item);
            to.to = address_of(info.ipi_addr);
            to.interface = static_cast<std::uint32_t>(info.ipi_ifindex);
        } else if (type == IP_TTL) {
            to.hop_limit = value_of<int>(item);
        } else if (type == IP_TOS) {
            to.ecn = ecn_of(item);
        }
    } else if (item.cmsg_level == IPPROTO_IPV6) {
        if (type == IPV6_PKTINFO) {
            const auto info = value_of<in6_pktinfo>(item);
            to.to = address_of(info.ipi6_addr);
            to.interface = info.ipi6_ifindex;
        } else if (type == IPV6_HOPLIMIT) {
            to.hop_limit = value_of<int>(item);
        } else if (type == IPV6_TCLASS) {
            to.ecn = ecn_of(item);
        }
    } else if (item.cmsg_level == IPPROTO_UDP && type == udp_gro) {
        to.segment = static_cast<std::size_t>(std::max(value_of<int>(item), 0));
    } else if (item.cmsg_level == SOL_SOCKET && type == SO_RXQ_OVFL) {
        // The system counts in 32 bits.
        const auto low = value_of<std::uint32_t>(item);
        dropped += static_cast<std::uint32_t>(low - static_cast<std::uint32_t>(dropped));
    }
}

void read_items(msghdr& header, received_datagrams& to, counter& dropped) noexcept
{
    for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr;
         item = CMSG_NXTHDR(&header, item)) {
        read_item(*item, to, dropped);
    }
}

/// Appends an item to what is said beside a message.
template <class Value>
void write_item(msghdr& header, int level, int type, const Value& value) noexcept
{
    auto* const at = static_cast<std::byte*>(header.msg_control) + header.msg_controllen;
    cmsghdr item{};
    item.cmsg_level = level;
    item.cmsg_type = type;
    item.cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(at, &item, sizeof item);
    std::memcpy(at + CMSG_LEN(0), &value, sizeof value);
    header.msg_controllen += CMSG_SPACE(sizeof value);
}

void write_source(msghdr& header, const ip_address& from, int family) noexcept
{
    if (family == AF_INET) {
        in_pktinfo info{};
        std::memcpy(&info.ipi_spec_dst, from.octets().data(), sizeof info.ipi_spec_dst);
        write_item(header, IPPROTO_IP, IP_PKTINFO, info);
    } else {
        system_address address{};
        write_address({from, 0}, family, address);
        in6_pktinfo info{};
        info.ipi6_addr = address.v6.sin6_addr;
        write_item(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
}

}  // namespace

socklen_t write_address(const socket_address& from, int family, system_address& to) noexcept
{
    const bytes octets = from.address.octets();
    if (family == AF_INET) {
        to.v4 = {};
        to.v4.sin_family = AF_INET;
        to.v4.sin_port = htons(from.port);
        if (from.address.is_v4()) {
            std::memcpy(&to.v4.sin_addr, octets.data(), 4);
        } else {
            to.v4.sin_family = AF_INET6;  // not for this socket, and the system says so
        }
        return sizeof to.v4;
    }
    to.v6 = {};
    to.v6.sin6_family = AF_INET6;
    to.v6.sin6_port = htons(from.port);
    to.v6.sin6_scope_id = from.zone;
    auto* const place = reinterpret_cast<std::byte*>(&to.v6.sin6_addr);
    if (from.address.is_v4()) {
        place[10] = place[11] = std::byte{0xFF};
        std::memcpy(place + 12, octets.data(), 4);
    } else if (from.address.is_v6()) {
        std::memcpy(place, octets.data(), 16);
    }
    return sizeof to.v6;
}

socket_address read_address(const system_address& from) noexcept
{
    if (from.any.sa_family == AF_INET) {
        return {address_of(from.v4.sin_addr), ntohs(from.v4.sin_port), 0};
    }
    if (from.any.sa_family == AF_INET6) {
        return {address_of(from.v6.sin6_addr), ntohs(from.v6.sin6_port), from.v6.sin6_scope_id};
    }
    return {};
}

void udp_messages::set_back(std::size_t i) noexcept
{
    msghdr& header = headers_[i].msg_hdr;
    header.msg_namelen = sizeof addresses_[i];
    header.msg_controllen = control_size;
    header.msg_flags = 0;
}

std::span<mmsghdr> udp_messages::prepare_receiving(std::span<const received_datagrams> places,
                                                   std::size_t size) noexcept
{
    const std::size_t count = std::min(places.size(), most);
    if (prepared_for_ != places.data() || prepared_size_ != size) {
        for (std::size_t i = 0; i < count; ++i) {
            pieces_[i] = {places[i].room.data(), std::min(size, places[i].room.size())};
            headers_[i] = {};
            headers_[i].msg_hdr.msg_name = &addresses_[i];
            headers_[i].msg_hdr.msg_iov = &pieces_[i];
            headers_[i].msg_hdr.msg_iovlen = 1;
            headers_[i].msg_hdr.msg_control = &controls_[i];
            set_back(i);
        }
        prepared_for_ = places.data();
        prepared_size_ = size;
    }
    return std::span(headers_).first(count);
}

void udp_messages::read_received(std::span<received_datagrams> places, std::size_t count,
                                 counter& dropped) noexcept
{
    for (std::size_t i = 0; i < count; ++i) {
        received_datagrams& place = places[i];
        msghdr& header = headers_[i].msg_hdr;
        place.whole = headers_[i].msg_len;
        place.size = std::min<std::size_t>(place.whole, pieces_[i].iov_len);
        place.segment = place.size;
        place.from = read_address(addresses_[i]);
        place.to = {};
        place.interface = 0;
        place.hop_limit = place.ecn = -1;
        if (header.msg_controllen != 0) {
            read_items(header, place, dropped);
            if (place.segment == 0) {
                place.segment = place.size;
            }
        }
        set_back(i);
    }
}

std::span<mmsghdr> udp_messages::prepare_sending(std::span<const queued_datagrams> batch,
                                                 int family) noexcept
{
    const std::size_t count = std::min(batch.size(), most);
    for (std::size_t i = 0; i < count; ++i) {
        const queued_datagrams& send = batch[i];
        msghdr& header = headers_[i].msg_hdr;
        pieces_[i] = {const_cast<std::byte*>(send.payload.data()), send.payload.size()};
        header = {};
        header.msg_iov = &pieces_[i];
        header.msg_iovlen = 1;
        if (!send.to.address.empty()) {
            header.msg_name = &addresses_[i];
            header.msg_namelen = write_address(send.to, family, addresses_[i]);
        }
        const bool several = send.payload.size() > send.segment && send.segment != 0;
        if (several || !send.from.empty()) {
            header.msg_control = &controls_[i];
            if (several) {
                write_item(header, IPPROTO_UDP, udp_segment,
                           static_cast<std::uint16_t>(send.segment));
            }
            if (!send.from.empty()) {
                write_source(header, send.from, family);
            }
        }
    }
    return std::span(headers_).first(count);
}

bool read_error(const msghdr& message, datagram_error& e) noexcept
{
#if defined(__linux__)
    msghdr header = message;
    for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr;
         item = CMSG_NXTHDR(&header, item)) {
        const bool v4 = item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_RECVERR;
        const bool v6 = item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_RECVERR;
        if ((!v4 && !v6) || item->cmsg_len < CMSG_LEN(sizeof(sock_extended_err))) {
            continue;
        }
        const auto told = value_of<sock_extended_err>(*item);
        if (told.ee_origin != SO_EE_ORIGIN_ICMP && told.ee_origin != SO_EE_ORIGIN_ICMP6) {
            return false;  // of the system here, which has said so where it was sent
        }
        e.why = error_code(static_cast<int>(told.ee_errno), boost::system::system_category());
        system_address reporter{};
        const std::size_t behind = item->cmsg_len - CMSG_LEN(sizeof told);
        std::memcpy(&reporter, CMSG_DATA(item) + sizeof told, std::min(behind, sizeof reporter));
        e.reporter = read_address(reporter).address;
        return true;
    }
#else
    (void)message;
    (void)e;
#endif
    return false;
}

}  // namespace libnet::detail
