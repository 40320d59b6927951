#include <libnet/core/error.hpp>

#include <boost/system/errc.hpp>

#include <string>

namespace libnet {
namespace {

struct entry {
    const char* name;
    const char* text;
};

constexpr entry describe(error e) noexcept
{
    switch (e) {
    case error::cancelled: return {"cancelled", "cancelled"};
    case error::closed: return {"closed", "closed in order"};
    case error::truncated_frame:
        return {"truncated_frame", "the stream ended in the middle of a frame"};
    case error::truncated_stream:
        return {"truncated_stream", "the stream ended without a TLS close_notify"};
    case error::frame_too_large:
        return {"frame_too_large", "a frame is larger than the limit (max_frame)"};
    case error::malformed_frame:
        return {"malformed_frame", "bytes arrived that are no frame of this framing"};
    case error::unexpected_tls: return {"unexpected_tls", "the peer speaks TLS, and here is none"};
    case error::unexpected_http:
        return {"unexpected_http", "the peer speaks HTTP, and this is another protocol"};
    case error::checksum_mismatch:
        return {"checksum_mismatch", "a frame arrived damaged: its checksum does not match"};
    case error::refused_payload:
        return {"refused_payload", "the framing cannot carry this payload; nothing was sent"};
    case error::timeout: return {"timeout", "the deadline passed"};
    case error::connect_timeout: return {"connect_timeout", "connecting took too long"};
    case error::handshake_timeout: return {"handshake_timeout", "the TLS handshake took too long"};
    case error::first_frame_timeout:
        return {"first_frame_timeout", "connected, but no first frame came in time"};
    case error::frame_timeout:
        return {"frame_timeout", "a frame that had begun was not complete in time"};
    case error::idle_timeout: return {"idle_timeout", "nothing was sent or received for too long"};
    case error::send_timeout:
        return {"send_timeout", "the peer did not take what was sent in time"};
    case error::heartbeat_timeout: return {"heartbeat_timeout", "no sign of life from the peer"};
    case error::drain_timeout: return {"drain_timeout", "the session did not end while draining"};
    case error::close_timeout:
        return {"close_timeout", "the peer did not end its side of the connection in time"};
    case error::lifetime_exceeded:
        return {"lifetime_exceeded", "the connection reached its maximum lifetime"};
    case error::call_timeout: return {"call_timeout", "no answer to the call came in time"};
    case error::too_slow: return {"too_slow", "the peer sends below the minimum data rate"};
    case error::peer_not_reading:
        return {"peer_not_reading", "the peer reads too slowly: its send queue is full"};
    case error::draining: return {"draining", "the server is stopping"};
    case error::limit_reached: return {"limit_reached", "a configured limit is reached"};
    case error::not_connected: return {"not_connected", "there is no connection now"};
    case error::connection_lost:
        return {"connection_lost", "the connection ended before the answer came; whether the "
                                   "request was carried out is not known"};
    case error::pool_exhausted:
        return {"pool_exhausted", "no connection of the pool became free in time"};
    case error::circuit_open:
        return {"circuit_open", "the endpoint is failing and is not tried for now"};
    case error::certificate_expired:
        return {"certificate_expired", "the peer's certificate has expired"};
    case error::certificate_not_yet_valid:
        return {"certificate_not_yet_valid",
                "the peer's certificate is not valid yet; is the clock right?"};
    case error::certificate_wrong_host:
        return {"certificate_wrong_host", "the peer's certificate is for another host name"};
    case error::certificate_untrusted:
        return {"certificate_untrusted",
                "the peer's certificate is not signed by an authority that is trusted here"};
    case error::certificate_not_pinned:
        return {"certificate_not_pinned", "the peer's certificate is none of the pinned ones"};
    case error::certificate_invalid:
        return {"certificate_invalid",
                "the peer's certificate is not acceptable: revoked, too weak, "
                "damaged or for another purpose"};
    case error::certificate_missing:
        return {"certificate_missing", "the client showed no certificate, and one is required"};
    case error::certificate_refused:
        return {"certificate_refused", "the peer did not accept our certificate, or wants one"};
    case error::protocol_too_old:
        return {"protocol_too_old",
                "no version of TLS in common: one side speaks only versions that "
                "are too old for the other"};
    case error::no_common_cipher: return {"no_common_cipher", "no cipher of TLS in common"};
    case error::no_common_protocol:
        return {"no_common_protocol", "no application protocol (ALPN) in common"};
    case error::plain_text:
        return {"plain_text", "the peer speaks without TLS where TLS is expected"};
    case error::plain_http:
        return {"plain_http", "the peer sent an HTTP request without TLS; it should use https"};
    case error::malformed_record:
        return {"malformed_record", "bytes arrived that are no TLS record, or a damaged one"};
    case error::handshake_aborted:
        return {"handshake_aborted", "the peer closed the connection during the TLS handshake"};
    case error::handshake_failed:
        return {"handshake_failed",
                "the TLS handshake failed; the peer may want a certificate, or another cipher"};
    case error::early_bytes:
        return {"early_bytes", "the peer sent bytes before the upgrade to TLS; somebody in between "
                               "may have put them there"};
    case error::invalid_endpoint:
        return {"invalid_endpoint", "not an endpoint: expected HOST:PORT, such as 127.0.0.1:9000 "
                                    "or [::1]:9000, or unix:PATH"};
    case error::host_not_found: return {"host_not_found", "the host name does not resolve"};
    case error::out_of_descriptors:
        return {"out_of_descriptors", "no file descriptor is free: raise the limit (ulimit -n)"};
    case error::not_supported: return {"not_supported", "not supported here"};
    case error::no_value: return {"no_value", "the task ended without a value"};
    }
    return {"unknown", "unknown libnet error"};
}

constexpr bool is_timeout(error e) noexcept
{
    return e >= error::timeout && e <= error::call_timeout;
}

constexpr bool is_bad_input(error e) noexcept
{
    return e == error::truncated_frame || e == error::truncated_stream ||
           e == error::frame_too_large || e == error::malformed_frame ||
           e == error::unexpected_tls || e == error::unexpected_http ||
           e == error::checksum_mismatch || e == error::malformed_record ||
           e == error::plain_text || e == error::plain_http;
}

constexpr bool is_about_a_certificate(error e) noexcept
{
    return e >= error::certificate_expired && e <= error::certificate_refused;
}

// Nobody deletes a category: its base has a protected destructor that is not virtual, so that it
// stays usable while other statics are destroyed. GCC warns because that base has friends.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class libnet_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "libnet"; }

    std::string message(int value) const override
    {
        return describe(static_cast<error>(value)).text;
    }

    bool equivalent(int value, const error_condition& other) const noexcept override
    {
        namespace errc = boost::system::errc;
        const auto e = static_cast<error>(value);
        if (other == make_error_condition(condition::timeout) ||
            other == errc::make_error_condition(errc::timed_out)) {
            return is_timeout(e);
        }
        if (other == make_error_condition(condition::bad_input)) {
            return is_bad_input(e);
        }
        if (other == make_error_condition(condition::bad_certificate)) {
            return is_about_a_certificate(e);
        }
        if (other == errc::make_error_condition(errc::operation_canceled)) {
            return e == error::cancelled;
        }
        return default_error_condition(value) == other;
    }
};

class libnet_condition_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "libnet.condition"; }

    std::string message(int value) const override
    {
        switch (static_cast<condition>(value)) {
        case condition::timeout: return "a timeout";
        case condition::bad_input: return "the peer broke the framing";
        case condition::bad_certificate: return "a certificate was not accepted";
        case condition::option_refused: return "the kernel refused a socket option";
        }
        return "unknown libnet condition";
    }
};

#pragma GCC diagnostic pop

}  // namespace

const boost::system::error_category& error_category() noexcept
{
    static const libnet_category category;
    return category;
}

const boost::system::error_category& condition_category() noexcept
{
    static const libnet_condition_category category;
    return category;
}

const char* name_of(error e) noexcept
{
    return describe(e).name;
}

}  // namespace libnet
