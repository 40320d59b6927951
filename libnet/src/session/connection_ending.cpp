#include <libnet/session/connection_ending.hpp>

#include <libnet/framing/proxy_error.hpp>

#include <boost/system/errc.hpp>

#include <array>

namespace libnet {
namespace {

struct word {
    char letter;
    const char* text;
};

constexpr std::array<word, 5> parties{{{'P', "the peer"},
                                       {'S', "the session"},
                                       {'L', "a limit of ours"},
                                       {'O', "its owner"},
                                       {'N', "the network"}}};
constexpr std::array<word, 6> phases{{{'h', "during the handshake"},
                                      {'o', "before its first frame"},
                                      {'r', "inside a frame"},
                                      {'i', "while idle"},
                                      {'s', "while output waited for the peer"},
                                      {'w', "while the session worked"}}};

const word& word_for(connection_ending::party who)
{
    return parties[static_cast<std::size_t>(who)];
}

const word& word_for(connection_ending::phase when)
{
    return phases[static_cast<std::size_t>(when)];
}

connection_ending::party party_behind(error why) noexcept
{
    using party = connection_ending::party;
    switch (why) {
    case error::closed:
    case error::truncated_frame:
    case error::truncated_stream:
    case error::malformed_frame:
    case error::unexpected_tls:
    case error::unexpected_http:
    case error::checksum_mismatch:
    case error::certificate_expired:
    case error::certificate_not_yet_valid:
    case error::certificate_wrong_host:
    case error::certificate_untrusted:
    case error::certificate_not_pinned:
    case error::certificate_invalid:
    case error::certificate_missing:
    case error::certificate_refused:
    case error::protocol_too_old:
    case error::no_common_cipher:
    case error::no_common_protocol:
    case error::plain_text:
    case error::plain_http:
    case error::malformed_record:
    case error::handshake_aborted:
    case error::handshake_failed:
    case error::early_bytes: return party::peer;
    case error::frame_too_large:
    case error::connect_timeout:
    case error::handshake_timeout:
    case error::first_frame_timeout:
    case error::frame_timeout:
    case error::idle_timeout:
    case error::send_timeout:
    case error::heartbeat_timeout:
    case error::close_timeout:
    case error::lifetime_exceeded:
    case error::call_timeout:
    case error::too_slow:
    case error::peer_not_reading:
    case error::limit_reached: return party::limit;
    case error::cancelled:
    case error::drain_timeout:
    case error::draining: return party::owner;
    default: return party::session;
    }
}

std::string name_of_code(const error_code& why)
{
    if (why.category() == error_category()) {
        return name_of(static_cast<error>(why.value()));
    }
    if (why.category() == proxy_category()) {
        return std::string("proxy ") + name_of(static_cast<proxy_error>(why.value()));
    }
    return why.message();
}

}  // namespace

connection_ending::party party_behind(const error_code& why) noexcept
{
    namespace errc = boost::system::errc;
    using party = connection_ending::party;
    if (why.category() == error_category()) {
        return party_behind(static_cast<error>(why.value()));
    }
    if (why.category() == proxy_category()) {
        return why == proxy_error::timeout ? party::limit : party::peer;
    }
    if (why == errc::connection_reset || why == errc::broken_pipe) {
        return party::peer;
    }
    return why == errc::not_enough_memory ? party::limit : party::network;
}

std::string connection_ending::code() const
{
    return {word_for(who).letter, word_for(during).letter};
}

std::string connection_ending::text() const
{
    return code() + ' ' + name_of_code(why) + ": " + word_for(who).text + ", " +
           word_for(during).text;
}

}  // namespace libnet
