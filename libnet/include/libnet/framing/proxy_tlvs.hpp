#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace libnet {

/// A thing that a PROXY header of version 2 says besides the addresses; in `proxy_ssl`, one about TLS.
/// Types that are not named here are kept as they came: E0 to EF are anybody's own.
struct proxy_tlv {
    /// The kinds that the specification names; others are legal.
    enum class type : std::uint8_t {
        alpn = 0x01,       ///< what ALPN agreed on with the client: "h2"
        authority = 0x02,  ///< the host that the client asked for, of SNI: "example.org"
        crc32c = 0x03,     ///< checksum of the header; verified
        noop = 0x04,       ///< only fills up
        unique_id = 0x05,  ///< of the connection, at most 128 bytes
        ssl = 0x20,        ///< proxy_ssl
        netns = 0x30,      ///< the name of the client's network namespace

        ssl_version = 0x21,      ///< "TLSv1.3"; in proxy_ssl, like all that follow
        ssl_cn = 0x22,           ///< common name of the client's certificate
        ssl_cipher = 0x23,       ///< "ECDHE-RSA-AES128-GCM-SHA256"
        ssl_sig_alg = 0x24,      ///< what the server's certificate is signed with: "SHA256"
        ssl_key_alg = 0x25,      ///< the key of that certificate: "RSA2048"
        ssl_group = 0x26,        ///< of the key exchange: "secp256r1"
        ssl_sig_scheme = 0x27,   ///< what the server has signed with: "ecdsa_secp256r1_sha256"
        ssl_client_cert = 0x28,  ///< the client's certificate, DER
    };

    type kind{};  ///< what it is
    bytes value;  ///< a view into the header's own list
};

/// TLVs in a row, in the form in which they came and go:
///
///     +------+--------+-------+------+--------+----+
///     |  02  | 00  05 | a.org |  01  | 00  02 | h2 |      authority "a.org", alpn "h2"
///     +------+--------+-------+------+--------+----+
///       type   length   value
///
/// Memory  one copy of what came.
class LIBNET_ASIO_DECL proxy_tlvs {
public:
    class iterator;

    proxy_tlvs() = default;

    /// Errors  v2_tlv: the last one reaches beyond the end.
    static result<proxy_tlvs> parse(bytes wire);

    /// Adds one behind the others. The value of a checksum does not matter, it is calculated when the
    /// header is written. Throws std::length_error for a value above 65535 bytes.
    void add(proxy_tlv::type kind, bytes value);
    void add(proxy_tlv::type kind, std::string_view value) { add(kind, as_bytes(value)); }

    /// The value of the first of this type; valid as long as *this is not changed.
    std::optional<bytes> find(proxy_tlv::type kind) const noexcept;

    /// One after the other, as they were sent; valid as long as this list.
    iterator begin() const noexcept;
    iterator end() const noexcept;

    /// Whether there is none.
    bool empty() const noexcept { return wire_.empty(); }

    /// All of them as they are on the wire; valid as long as this list.
    bytes wire() const noexcept { return as_bytes(wire_); }

    friend bool operator==(const proxy_tlvs&, const proxy_tlvs&) = default;

private:
    std::string wire_;
};

/// From one to the next, in the order in which they came.
class LIBNET_ASIO_DECL proxy_tlvs::iterator {
public:
    /// What a forward iterator has to have.
    using value_type = proxy_tlv;
    using difference_type = std::ptrdiff_t;

    iterator() noexcept = default;

    /// At the first of `rest`, which must outlive it.
    explicit iterator(bytes rest) noexcept : rest_(rest) {}

    /// What an input iterator has to have; cut short, the list ends.
    proxy_tlv operator*() const noexcept;
    iterator& operator++() noexcept;
    iterator operator++(int) noexcept
    {
        const iterator before = *this;
        ++*this;
        return before;
    }

    friend bool operator==(const iterator& a, const iterator& b) noexcept
    {
        return a.rest_.size() == b.rest_.size();  // how many bytes are still to come
    }

private:
    bytes rest_;
};

inline proxy_tlvs::iterator proxy_tlvs::begin() const noexcept
{
    return iterator(wire());
}

inline proxy_tlvs::iterator proxy_tlvs::end() const noexcept
{
    return iterator(wire().subspan(wire_.size()));
}

/// What a balancer that has ended TLS knows of the client.
///
///     +--------+-------------+------+--------+---------+-----
///     | client | 00 00 00 00 |  21  | 00  07 | TLSv1.3 | ...      the value of the TLV `ssl`
///     +--------+-------------+------+--------+---------+-----
///       bits     verify        TLVs
struct proxy_ssl {
    bool over_tls = false;                ///< bit 0: the client came over TLS
    bool showed_certificate = false;      ///< bit 1: it has shown a certificate on this connection
    bool certificate_of_session = false;  ///< bit 2: or on an earlier one of the same TLS session

    /// There was a certificate, and it was verified. (Where there was none, balancers say so, too.)
    bool verified = false;

    proxy_tlvs details;  ///< the types that begin with ssl_

    /// Errors  v2_ssl.
    LIBNET_ASIO_DECL static result<proxy_ssl> parse(bytes value);

    /// The value of the TLV.
    LIBNET_ASIO_DECL std::string wire() const;
};

}  // namespace libnet
