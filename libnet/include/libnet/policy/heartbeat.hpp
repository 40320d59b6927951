#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/time.hpp>

#include <functional>
#include <optional>
#include <string>

namespace libnet {

/// What a frame is to the heartbeat.
enum class beat : unsigned char {
    none,  ///< an ordinary message: the session's
    ping,  ///< asks for a sign of life
    pong,  ///< is one
};

/// Signs of life on a silent line, for a peer that may have gone without a word: its host lost power,
/// a router forgot the connection. Both stay below the session: it neither sees nor sends them.
///
///     silent for `interval`      and again         nothing at all for `timeout`
///     |<---- 30 s ---->| ping |<---- 30 s ---->| ping ... heartbeat_timeout
///
/// Any byte from the peer is a sign of life, so on a line that is in use no ping is sent.
struct heartbeat {
    duration interval = std::chrono::seconds(30);  ///< silent for so long: it is asked
    duration timeout = std::chrono::seconds(90);   ///< silent for so long: `heartbeat_timeout`

    /// The payload of a ping, and that of its answer. Where both are the same, for example empty
    /// frames, it is answered by nothing: either side sends its own.
    std::string ping{};
    std::string pong{};

    /// Where equality does not tell, for example with numbers in them.
    std::function<beat(bytes payload)> recognise = nullptr;

    /// What a frame is. An answer is called only where there is one to expect.
    beat kind_of(bytes payload) const
    {
        if (recognise) {
            return recognise(payload);
        }
        if (as_text(payload) == pong) {
            return beat::pong;
        }
        return as_text(payload) == ping ? beat::ping : beat::none;
    }
};

/// When to ask whether a peer is still there, and when to believe that it is not.
///
/// Cost     two points in time; knows neither a clock nor a timer.
class LIBNET_ASIO_DECL heartbeat_clock {
public:
    /// What is to be done now.
    enum class action : unsigned char { wait, ping, give_up };

    /// Of a connection that begins.
    explicit heartbeat_clock(time_point now) noexcept : heard_(now), asked_(now) {}

    /// Something came, whatever it was.
    void heard(time_point now) noexcept { heard_ = now; }

    /// An answer came. How long it took; nothing if nobody had asked.
    std::optional<duration> answered(time_point now) noexcept;

    /// When look() has to be called, at the latest.
    time_point due(const heartbeat& how) const noexcept;

    /// What is to be done; a ping counts as sent. While we do not listen ourselves, the silence says
    /// nothing about the peer; but it goes on hearing from us.
    action look(const heartbeat& how, time_point now, bool listens = true) noexcept;

private:
    time_point silent_since() const noexcept { return heard_ > asked_ ? heard_ : asked_; }

    time_point heard_;
    time_point asked_;  // the last ping
    bool waits_for_answer_ = false;
};

}  // namespace libnet
