#include "support/proxy_headers.hpp"

#include <libnet/framing/crc32c.hpp>
#include <libnet/framing/proxy_header.hpp>

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>

namespace {

using namespace std::string_literals;
using namespace libnet;
using namespace libnet::tests;
using status = proxy_reading::status;

result<proxy_reading> read(std::string_view text)
{
    return read_proxy_header(as_bytes(text));
}

/// Every beginning of it is incomplete, asks for more than there is and for no more than the whole; and
/// the whole is a header, whatever follows.
proxy_header read_at_every_split(const std::string& wire)
{
    for (std::size_t cut = 0; cut < wire.size(); ++cut) {
        const auto reading = read(std::string_view(wire).substr(0, cut));
        EXPECT_TRUE(reading) << cut;
        EXPECT_EQ(reading->state, status::incomplete) << cut;
        EXPECT_GT(reading->size, cut);
        EXPECT_LE(reading->size, wire.size());
    }
    for (const std::string& rest : {""s, "data"s, wire}) {
        const auto reading = read(wire + rest);
        EXPECT_TRUE(reading) << reading.error().message();
        EXPECT_EQ(reading->state, status::header);
        EXPECT_EQ(reading->size, wire.size());
    }
    return read(wire)->header;
}

socket_address address(std::string_view text, std::uint16_t port)
{
    return {.address = ip_address::parse(text).value(), .port = port};
}

std::string written(const proxy_header& header)
{
    const auto wire = write_proxy_header(header);
    EXPECT_TRUE(wire) << wire.error().message();
    return *wire;
}

TEST(ProxyHeader, OfVersion1IsALine)
{
    const auto header = read_at_every_split(proxy_v1_ipv4);
    EXPECT_EQ(header.written, proxy_header::version::v1);
    EXPECT_TRUE(header.names_client());
    EXPECT_EQ(header.addresses, proxy_header::family::ipv4);
    EXPECT_EQ(header.over, proxy_header::transport::stream);
    EXPECT_EQ(header.source, address("203.0.113.7", 4711));
    EXPECT_EQ(header.destination, address("192.0.2.1", 443));
    EXPECT_EQ(header.client(), proxied_client);
    EXPECT_EQ(written(header), proxy_v1_ipv4);
}

TEST(ProxyHeader, OfVersion1CarriesIPv6)
{
    const auto wire = "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 0 65535\r\n"s;
    const auto header = read_at_every_split(wire);
    EXPECT_EQ(header.addresses, proxy_header::family::ipv6);
    EXPECT_EQ(header.source, address("2001:db8::1", 0));
    EXPECT_EQ(header.destination, address("192.0.2.1", 65535));
    EXPECT_EQ(written(header), wire);
}

TEST(ProxyHeader, OfVersion1MayBeOf107Bytes)
{
    const auto longest = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"s;
    ASSERT_EQ(longest.size(), 107U);
    EXPECT_FALSE(read_at_every_split(longest).names_client());
}

TEST(ProxyHeader, UnknownNamesNobody)
{
    const auto header = read_at_every_split("PROXY UNKNOWN\r\n");
    EXPECT_FALSE(header.names_client());
    EXPECT_EQ(header.client(), "");
    EXPECT_EQ(written(header), "PROXY UNKNOWN\r\n");
    EXPECT_EQ(written(proxy_header::for_nobody(proxy_header::version::v1)), "PROXY UNKNOWN\r\n");
}

TEST(ProxyHeader, OfVersion2IsBinary)
{
    const auto header = read_at_every_split(proxy_v2_ipv4());
    EXPECT_EQ(header.written, proxy_header::version::v2);
    EXPECT_EQ(header.source, address("203.0.113.7", 4711));
    EXPECT_EQ(header.destination, address("192.0.2.1", 443));
    EXPECT_EQ(header.client(), proxied_client);
    EXPECT_TRUE(header.tlvs.empty());
    EXPECT_EQ(written(header), proxy_v2_ipv4());
    EXPECT_EQ(proxy_header::for_client(header.source, header.destination), header);
}

TEST(ProxyHeader, OfVersion2CarriesIPv6AndDatagrams)
{
    const auto source = ip_address::parse("2001:db8::1").value();
    const auto mapped = "\0\0\0\0\0\0\0\0\0\0\xFF\xFF\xC0\0\x02\x01"s;
    const auto wire =
        proxy_v2(0x21, 0x22, libnet::to_string(source.octets()) + mapped + "\x12\x67\x01\xBB");
    const auto header = read_at_every_split(wire);
    EXPECT_EQ(header.over, proxy_header::transport::datagram);
    EXPECT_EQ(header.client(), "[2001:db8::1]:4711");
    EXPECT_EQ(header.destination, address("192.0.2.1", 443));
    EXPECT_EQ(written(header), wire);

    auto both = proxy_header::for_client(header.source, header.destination);
    EXPECT_EQ(both.addresses, proxy_header::family::ipv6);
    both.over = proxy_header::transport::datagram;
    EXPECT_EQ(both, header);
}

TEST(ProxyHeader, OfVersion2CarriesUnixSockets)
{
    const auto path = [](std::string name) { return name.append(108 - name.size(), '\0'); };
    const auto wire = proxy_v2(0x21, 0x31, path("/run/client\n") + path("\0abstract"s));
    const auto header = read_at_every_split(wire);
    EXPECT_EQ(header.source_path, "/run/client\n");
    EXPECT_EQ(header.destination_path, "\0abstract"s);
    EXPECT_EQ(header.client(), "unix:/run/client?");
    EXPECT_EQ(written(header), wire);

    auto other_way = header;
    std::swap(other_way.source_path, other_way.destination_path);
    EXPECT_EQ(other_way.client(), "unix:@abstract");
}

TEST(ProxyHeader, LocalDiscardsWhateverFollows)
{
    EXPECT_FALSE(read_at_every_split(proxy_v2(0x20, 0x00, "")).names_client());
    const auto header = read_at_every_split(proxy_v2(0x20, 0xFF, "no addresses, and no TLVs"));
    EXPECT_EQ(header, proxy_header::for_nobody());
    EXPECT_EQ(written(header), proxy_v2(0x20, 0x00, ""));
}

TEST(ProxyHeader, OfAnUnspecifiedFamilyHasTlvsAllTheSame)
{
    const auto wire = proxy_v2(0x21, 0x00, tlv(5, "id"));
    const auto header = read_at_every_split(wire);
    EXPECT_FALSE(header.names_client());
    EXPECT_EQ(as_text(header.tlvs.find(proxy_tlv::type::unique_id).value()), "id");
    EXPECT_EQ(written(header), wire);
}

TEST(ProxyHeader, KeepsTlvsInTheirOrderAlsoThoseThatNobodyKnows)
{
    const auto tlvs = tlv(0xE7, "mine") + tlv(2, "example.org") + tlv(4, "") + tlv(1, "h2") +
                      tlv(0x30, "blue") + tlv(0xE7, "again") + tlv(5, std::string(128, 'i'));
    const auto header = read_at_every_split(proxy_v2_ipv4(tlvs));
    EXPECT_EQ(as_text(header.tlvs.find(proxy_tlv::type::authority).value()), "example.org");
    EXPECT_EQ(as_text(header.tlvs.find(proxy_tlv::type::alpn).value()), "h2");
    EXPECT_EQ(as_text(header.tlvs.find(proxy_tlv::type::netns).value()), "blue");
    EXPECT_EQ(as_text(header.tlvs.find(proxy_tlv::type{0xE7}).value()), "mine");
    EXPECT_FALSE(header.tlvs.find(proxy_tlv::type::ssl));
    std::string all;
    for (const proxy_tlv& each : header.tlvs) {
        all += tlv(static_cast<int>(each.kind), libnet::to_string(each.value));
    }
    EXPECT_EQ(all, tlvs);
    EXPECT_EQ(written(header), proxy_v2_ipv4(tlvs));
}

TEST(ProxyHeader, HasItsChecksumVerified)
{
    auto header = proxy_header::for_client(address("203.0.113.7", 4711), address("192.0.2.1", 443));
    header.tlvs.add(proxy_tlv::type::unique_id, "before");
    header.tlvs.add(proxy_tlv::type::crc32c, std::string(4, '\0'));
    header.tlvs.add(proxy_tlv::type::unique_id, "behind");
    const std::string good = written(header);

    // By definition: the checksum of all of it, with zeroes in its place.
    std::string zeroed = good;
    const std::size_t place = zeroed.find("before") + 6 + 3;
    zeroed.replace(place, 4, 4, '\0');
    const std::uint32_t sum = crc32c(as_bytes(zeroed));
    EXPECT_EQ(good.substr(place, 4), two_bytes(sum >> 16) + two_bytes(sum & 0xFFFF));
    EXPECT_EQ(read_at_every_split(good).client(), proxied_client);

    for (const std::size_t damaged : {std::size_t{16}, good.size() - 1, place}) {
        std::string bad = good;
        bad[damaged] = static_cast<char>(bad[damaged] ^ 1);
        EXPECT_EQ(read(bad).error(), proxy_error::v2_checksum) << damaged;
    }
    header.tlvs.add(proxy_tlv::type::crc32c, std::string(4, '\0'));
    EXPECT_EQ(read(written(header)).error(), proxy_error::v2_checksum_form);
}

TEST(ProxyHeader, SaysWhatTheBalancerKnowsOfTls)
{
    proxy_ssl ssl;
    ssl.over_tls = ssl.showed_certificate = ssl.certificate_of_session = ssl.verified = true;
    ssl.details.add(proxy_tlv::type::ssl_version, "TLSv1.3");
    ssl.details.add(proxy_tlv::type::ssl_cn, "alice");
    EXPECT_EQ(ssl.wire(), "\x07\0\0\0\0"s + tlv(0x21, "TLSv1.3") + tlv(0x22, "alice"));

    const auto header = read_at_every_split(proxy_v2_ipv4(tlv(0x20, ssl.wire())));
    const auto read = proxy_ssl::parse(header.tlvs.find(proxy_tlv::type::ssl).value()).value();
    EXPECT_TRUE(read.over_tls && read.showed_certificate && read.certificate_of_session);
    EXPECT_TRUE(read.verified);
    EXPECT_EQ(as_text(read.details.find(proxy_tlv::type::ssl_cn).value()), "alice");

    const auto without = proxy_ssl::parse(as_bytes("\x01\0\0\0\0"s)).value();
    EXPECT_TRUE(without.over_tls);
    EXPECT_FALSE(without.verified) << "there was no certificate";

    const auto not_so = proxy_ssl::parse(as_bytes(proxy_ssl().wire())).value();
    EXPECT_FALSE(not_so.over_tls || not_so.showed_certificate || not_so.certificate_of_session);
    EXPECT_FALSE(not_so.verified);
}

/// Bytes of hexadecimal digits.
std::string hex(std::string_view digits)
{
    std::string text;
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        text += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
    }
    return text;
}

// Taken from the wire behind HAProxy 2.6.12 with docs/deploying/haproxy.cfg.
TEST(ProxyHeader, IsAsHaproxyWritesIt)
{
    const auto of_a_client =
        hex("0d0a0d0a000d0a515549540a2111004c7f0000037f000001afe3ab870300043cbb08f405002e"
            "37463030303030333a414645335f37463030303030313a414238375f36423043353530335f30"
            "3030323a363945422000050000000000");
    const auto plain = read_at_every_split(of_a_client);
    EXPECT_EQ(plain.client(), "127.0.0.3:45027");
    EXPECT_EQ(as_text(plain.tlvs.find(proxy_tlv::type::unique_id).value()),
              "7F000003:AFE3_7F000001:AB87_6B0C5503_0002:69EB");
    EXPECT_FALSE(proxy_ssl::parse(plain.tlvs.find(proxy_tlv::type::ssl).value()).value().over_tls);
    EXPECT_EQ(written(plain), of_a_client) << "with the same checksum";

    const auto of_one_over_tls =
        hex("0d0a0d0a000d0a515549540a211100567f0000017f000001aeacd4e5030004f4f2219705002e"
            "37463030303030313a414541435f37463030303030313a443445355f36423043353530345f30"
            "3030393a3639454220000f0100000000210007544c5376312e33");
    const auto secured = read_at_every_split(of_one_over_tls);
    const auto ssl = proxy_ssl::parse(secured.tlvs.find(proxy_tlv::type::ssl).value()).value();
    EXPECT_TRUE(ssl.over_tls);
    EXPECT_FALSE(ssl.showed_certificate || ssl.verified);
    EXPECT_EQ(as_text(ssl.details.find(proxy_tlv::type::ssl_version).value()), "TLSv1.3");

    const auto health_check = hex("0d0a0d0a000d0a515549540a2000000f030004889da1df2000050000000000");
    EXPECT_EQ(read_at_every_split(health_check), proxy_header::for_nobody());
}

// As soon as it is certain, and whatever follows; before that it may still become a header.
TEST(ProxyHeader, IsRefusedForItsOwnReasonAtEverySplit)
{
    for (const auto& [name, wire, why] : bad_proxy_headers()) {
        SCOPED_TRACE(name);
        bool refused = false;
        for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
            const auto reading = read(std::string_view(wire).substr(0, cut));
            EXPECT_TRUE(!refused || !reading) << cut;
            refused = !reading;
            if (refused) {
                EXPECT_EQ(reading.error(), why);
            } else {
                EXPECT_EQ(reading->state, status::incomplete) << cut;
                EXPECT_GT(reading->size, cut);
            }
        }
        EXPECT_TRUE(refused);
        EXPECT_EQ(read(wire + "what follows\r\n").error(), why);
    }
}

TEST(ProxyHeader, HasATestForEveryWayToBeWrong)
{
    std::set<proxy_error> tested;
    for (const auto& bad : bad_proxy_headers()) {
        tested.insert(bad.why);
    }
    for (int e = static_cast<int>(proxy_error::v1_too_long);
         e <= static_cast<int>(proxy_error::v2_ssl); ++e) {
        EXPECT_TRUE(tested.contains(static_cast<proxy_error>(e)))
            << name_of(static_cast<proxy_error>(e));
    }
}

TEST(ProxyHeader, IsAbsentFromTheFirstByteThatSaysSo)
{
    for (const std::string& data : {"GET / HTTP/1.1\r\n"s, "\0\0\0\x05Hello"s, "P\x01"s, "PROXIMA"s,
                                    "\r\n\r\nhello"s, "proxy TCP4"s}) {
        const auto reading = read(data);
        ASSERT_TRUE(reading) << data;
        EXPECT_EQ(reading->state, status::absent) << data;
    }
    EXPECT_EQ(read("PROX")->state, status::incomplete);
    EXPECT_EQ(read("\r\n\r\n")->state, status::incomplete);
}

TEST(ProxyHeader, OfVersion2HasALimitOfYours)
{
    const std::string wire = proxy_v2_ipv4(tlv(4, std::string(100, 'x')));
    EXPECT_TRUE(read_proxy_header(as_bytes(wire), wire.size()));
    EXPECT_EQ(read_proxy_header(as_bytes(wire), wire.size() - 1).error(),
              proxy_error::v2_too_large);
    EXPECT_EQ(read_proxy_header(as_bytes(wire.substr(0, 16)), 16).error(),
              proxy_error::v2_too_large);
}

TEST(ProxyHeader, IsNotWrittenIfNobodyCouldReadIt)
{
    const auto good = proxy_header::for_client(address("203.0.113.7", 1), address("192.0.2.1", 2));
    const auto refusal = [&](auto change) {
        auto header = good;
        change(header);
        return write_proxy_header(header).error();
    };
    using family = proxy_header::family;
    using transport = proxy_header::transport;
    const auto v1 = [](auto change) {
        return [change](proxy_header& h) {
            h.written = proxy_header::version::v1;
            change(h);
        };
    };
    EXPECT_EQ(refusal([](auto& h) { h.source.address = ip_address::parse("::1").value(); }),
              error::refused_payload);
    EXPECT_EQ(refusal([](auto& h) { h.destination.address = {}; }), error::refused_payload);
    EXPECT_EQ(refusal([](auto& h) { h.over = transport::unspecified; }), error::refused_payload);
    EXPECT_EQ(refusal([](auto& h) { h.addresses = family::unspecified; }), error::refused_payload);
    EXPECT_EQ(refusal([](auto& h) {
                  h.addresses = family::unix_domain;
                  h.source_path = std::string(109, 'p');
              }),
              error::refused_payload);
    EXPECT_EQ(refusal([](auto& h) {
                  h.addresses = family::unix_domain;
                  h.destination_path = std::string(109, 'p');
              }),
              error::refused_payload);
    EXPECT_EQ(refusal([](auto& h) {
                  h.tlvs.add(proxy_tlv::type::noop, std::string(60'000, 'x'));
                  h.tlvs.add(proxy_tlv::type::noop, std::string(6'000, 'x'));
              }),
              error::frame_too_large);
    EXPECT_EQ(refusal(v1([](auto& h) { h.tlvs.add(proxy_tlv::type::noop, ""); })),
              error::refused_payload);
    EXPECT_EQ(refusal(v1([](auto& h) { h.over = transport::datagram; })), error::refused_payload);
    EXPECT_EQ(refusal(v1([](auto& h) { h.addresses = family::unix_domain; })),
              error::refused_payload);
    EXPECT_EQ(refusal(v1([](auto& h) { h.source.address = ip_address::parse("::1").value(); })),
              error::refused_payload);
    EXPECT_EQ(refusal(v1([](auto& h) { h.destination.address = {}; })), error::refused_payload);
    EXPECT_THROW(proxy_tlvs().add(proxy_tlv::type::noop, std::string(65'536, 'x')),
                 std::length_error);
}

TEST(ProxyError, SaysWhatItIs)
{
    std::set<std::string> names;
    std::set<std::string> texts;
    for (int e = 1; e <= static_cast<int>(proxy_error::v2_ssl); ++e) {
        const error_code why = static_cast<proxy_error>(e);
        EXPECT_TRUE(names.insert(name_of(static_cast<proxy_error>(e))).second);
        EXPECT_TRUE(texts.insert(why.message()).second);
        EXPECT_STREQ(why.category().name(), "libnet.proxy");
        const bool of_the_sender = why == proxy_error::timeout || why == proxy_error::spoofed ||
                                   why == proxy_error::untrusted_source;
        EXPECT_EQ(why == condition::bad_input, !of_the_sender) << why.message();
        EXPECT_EQ(why == condition::timeout, why == proxy_error::timeout);
    }
    EXPECT_STREQ(name_of(proxy_error{}), "unknown");
    EXPECT_EQ(error_code(proxy_error::timeout), std::errc::timed_out);
    EXPECT_NE(error_code(proxy_error::missing), std::errc::invalid_argument);
}

}  // namespace
