#include <libnet/framing/proxy_error.hpp>

#include <boost/system/errc.hpp>

#include <string>

namespace libnet {
namespace {

struct proxy_entry {
    const char* name;
    const char* text;
};

constexpr proxy_entry describe(proxy_error e) noexcept
{
    switch (e) {
    case proxy_error::missing:
        return {"missing",
                "the connection does not begin with a PROXY header, and one is required; "
                "does the balancer send it (HAProxy: send-proxy-v2)?"};
    case proxy_error::truncated:
        return {"truncated", "the connection ended inside its PROXY header"};
    case proxy_error::timeout:
        return {"timeout", "no whole PROXY header came in time; does the balancer send one?"};
    case proxy_error::untrusted_source:
        return {"untrusted_source",
                "a PROXY header is required, and this address is not among those "
                "that are trusted to send one"};
    case proxy_error::spoofed:
        return {"spoofed", "a PROXY header came from an address that is not among those that are "
                           "trusted to send one"};
    case proxy_error::v1_too_long:
        return {"v1_too_long", "a PROXY header of version 1 does not end within 107 bytes"};
    case proxy_error::v1_line_ending:
        return {"v1_line_ending", "a PROXY header of version 1 ends with LF and not with CR LF"};
    case proxy_error::v1_fields:
        return {"v1_fields", "a PROXY header of version 1 does not consist of a protocol, two "
                             "addresses and two ports, with one space before each"};
    case proxy_error::v1_protocol:
        return {"v1_protocol",
                "a PROXY header of version 1 names a protocol other than TCP4, TCP6 and UNKNOWN"};
    case proxy_error::v1_address:
        return {"v1_address",
                "a PROXY header of version 1 has an address that is none of its protocol"};
    case proxy_error::v1_port:
        return {"v1_port",
                "a PROXY header of version 1 has a port that is no number from 0 to 65535"};
    case proxy_error::v2_version:
        return {"v2_version", "a PROXY header has a version other than 1 and 2"};
    case proxy_error::v2_command:
        return {"v2_command", "a PROXY header has a command other than LOCAL and PROXY"};
    case proxy_error::v2_family:
        return {"v2_family", "a PROXY header is about a family of addresses that is none of IPv4, "
                             "IPv6 and Unix sockets"};
    case proxy_error::v2_transport:
        return {"v2_transport", "a PROXY header is about a transport that is neither stream nor "
                                "datagram, or not together with its family of addresses"};
    case proxy_error::v2_too_large:
        return {"v2_too_large", "a PROXY header is larger than the limit (max_size)"};
    case proxy_error::v2_addresses:
        return {"v2_addresses", "a PROXY header is too short for the addresses of its own family"};
    case proxy_error::v2_tlv:
        return {"v2_tlv", "a TLV of a PROXY header reaches beyond the header's end"};
    case proxy_error::v2_checksum:
        return {"v2_checksum", "a PROXY header arrived damaged: its CRC-32C does not match"};
    case proxy_error::v2_checksum_form:
        return {"v2_checksum_form",
                "the CRC-32C of a PROXY header is not four bytes, or is there twice"};
    case proxy_error::v2_unique_id:
        return {"v2_unique_id", "the unique id in a PROXY header is longer than 128 bytes"};
    case proxy_error::v2_ssl:
        return {"v2_ssl",
                "what a PROXY header says about TLS is too short, or reaches beyond its end"};
    }
    return {"unknown", "unknown error of a PROXY header"};
}

/// Whether no header may look like that.
constexpr bool is_bad_input(proxy_error e) noexcept
{
    return e == proxy_error::missing || e == proxy_error::truncated ||
           e >= proxy_error::v1_too_long;
}

// As in core/error.cpp: nobody deletes a category.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class libnet_proxy_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "libnet.proxy"; }

    std::string message(int value) const override
    {
        return describe(static_cast<proxy_error>(value)).text;
    }

    bool equivalent(int value, const error_condition& other) const noexcept override
    {
        namespace errc = boost::system::errc;
        const auto e = static_cast<proxy_error>(value);
        if (other == make_error_condition(condition::timeout) ||
            other == errc::make_error_condition(errc::timed_out)) {
            return e == proxy_error::timeout;
        }
        if (other == make_error_condition(condition::bad_input)) {
            return is_bad_input(e);
        }
        return default_error_condition(value) == other;
    }
};

#pragma GCC diagnostic pop

}  // namespace

const boost::system::error_category& proxy_category() noexcept
{
    static const libnet_proxy_category category;
    return category;
}

const char* name_of(proxy_error e) noexcept
{
    return describe(e).name;
}

}  // namespace libnet
