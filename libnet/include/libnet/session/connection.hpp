#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/core/result.hpp>
#include <libnet/core/time.hpp>
#include <libnet/framing/any_framing.hpp>
#include <libnet/framing/length_prefix.hpp>
#include <libnet/policy/heartbeat.hpp>
#include <libnet/policy/input_deadlines.hpp>
#include <libnet/runtime/operation.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/session/connection_ending.hpp>
#include <libnet/session/connection_handle.hpp>
#include <libnet/session/connection_info.hpp>
#include <libnet/session/inbox.hpp>
#include <libnet/session/outbox.hpp>
#include <libnet/transport/stream.hpp>
#include <libnet/transport/stream_layer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace libnet {

namespace detail {

class connection_core;
struct connection_access;
struct connection_settings;

}  // namespace detail

/// What becomes of a message for a peer that does not keep up. Nothing is dropped in silence:
/// `connection_info` counts.
enum class overflow : unsigned char {
    wait,         ///< send() waits: the session slows down to what the peer takes
    drop_newest,  ///< send() answers `peer_not_reading`, this message only
    drop_oldest,  ///< those that wait longest make room: what they say is out of date
    close,        ///< the connection ends with `peer_not_reading`
};

/// Every limit is on. `never` switches a timeout off.
struct connection_options {
    /// Where a message begins and ends. Each connection has its own copy.
    any_framing framing = length_prefix{};

    /// Connected, and says nothing: until the first byte. Unset it is 10 s on a server and `never`
    /// on every other connection.
    std::optional<duration> first_frame_timeout = std::nullopt;

    /// A frame, from its first byte to its last. Bounds a peer that sends one byte a second, which
    /// no inactivity timeout does. Beyond its first 64 KiB a frame has another second for every
    /// 8 KiB that have come. Counts only while a receive() waits.
    duration frame_timeout = std::chrono::seconds(30);

    /// How much has to come in while a frame is under way, beyond that: nothing. Else `too_slow`.
    data_rate minimum_rate{};

    /// The peer takes nothing of what is sent.
    duration send_timeout = std::chrono::seconds(10);

    /// Nothing in either direction while a receive() waits. Unset it is 65 s on a server, longer
    /// than the usual minute of proxies and clients, so that it is they who close; and `never` on
    /// every other connection, where only the caller knows how long an answer may take: `within`.
    /// Where there is a heartbeat it is `never` too.
    std::optional<duration> idle_timeout = std::nullopt;

    /// How old it may become. Then it ends as if the server were stopping: what is under way is
    /// still handed out, and receive() answers `lifetime_exceeded`. Each connection takes up to a
    /// tenth off, so that a fleet that came together does not leave together.
    duration lifetime = never;

    /// Signs of life on a silent line, below the session. None unless set: both ends must know them.
    std::optional<libnet::heartbeat> heartbeat = std::nullopt;

    /// Flushing, and waiting for the peer's end, when closing.
    duration close_timeout = std::chrono::seconds(3);

    /// Where so many bytes of output wait for the peer, the next message meets `when_full`.
    std::size_t high_water_mark = 256_KiB;

    /// Those who wait to send go on where so few are left. Unset: half the high-water mark.
    std::optional<std::size_t> low_water_mark = std::nullopt;

    overflow when_full = overflow::wait;  ///< see `overflow`
};

/// For what a connection that drains waits though nothing of it has come. Nothing, unless told.
struct drain_grace {
    duration first_frame = duration::zero();  ///< its first, since it connected
    duration any_frame = duration::zero();    ///< any: the peer was told, and will end by itself
};

/// Messages in, messages out, over any stream. A session is a coroutine over one:
///
///     task<> echo(connection& peer)
///     {
///         while (auto frame = co_await peer.receive())
///             co_await peer.send(*frame);
///     }
///
/// Remembers how it ended: the first failure is the answer to every later operation, so a session
/// need not pass errors about. An orderly end of receiving is no failure of sending: a peer that
/// half-closed still gets its answers. What was accepted by send() before a failure of the peer's
/// input or a timeout of ours is still delivered while the connection is closed.
///
/// Belongs to one loop; what other threads may do, they do through handle(). When it is destroyed
/// without close(), it closes in the background.
class LIBNET_ASIO_DECL connection {
public:
    /// Over a stream of whatever kind, whose loop becomes its own.
    explicit connection(std::unique_ptr<stream> transport, connection_options options = {});

    /// One of many with the same options, which they share: a server's.
    connection(std::unique_ptr<stream> transport,
               std::shared_ptr<const detail::connection_settings> shared);

    connection(connection&& other) noexcept;
    connection& operator=(connection&& other) noexcept;
    ~connection();

    /// Waits for the next frame. Output that is still gathered leaves first.
    ///
    /// The view is valid until the next receive(), receive_batch() or close().
    ///
    /// Errors   closed: ended between frames; truncated_frame: inside one; frame_too_large;
    ///          malformed_frame; first_frame_timeout; frame_timeout; too_slow; idle_timeout;
    ///          heartbeat_timeout; draining; lifetime_exceeded; what the kernel says.
    /// Cancel   safe: bytes already received are kept.
    /// Overlap  one receive() or receive_batch() and any number of send(), on the connection's loop.
    /// Cost     no allocation; no system call while a whole frame is buffered.
    [[nodiscard]] operation<bytes> receive() { return {inbox_, detail::receiving}; }

    /// Waits for the next frame and answers with it all whole frames that are buffered, at least
    /// one and at most 256. Views, errors, cancelling and overlap as for receive().
    ///
    /// Cost     cheaper than receive() where many small frames arrive together.
    [[nodiscard]] operation<std::span<const bytes>> receive_batch();

    /// Accepts a message for sending. It leaves with its neighbours in one write: when the session
    /// next waits for input, when more than the high-water mark has gathered, or at the end of the
    /// loop's turn. Success means accepted, not delivered; the payload is free when it returns.
    /// Above the high-water mark it waits for the peer first, or does what `when_full` says.
    ///
    /// Lifetime the payload must stay until the await has ended.
    /// Errors   refused_payload, frame_too_large, peer_not_reading (dropped): this payload only, the
    ///          connection goes on.
    ///          send_timeout, and whatever ended the connection.
    /// Cancel   safe: a send() that was cancelled has sent nothing.
    /// Overlap  any number; they are served in order.
    /// Cost     a copy of the payload below 16 KiB; no allocation, no system call of its own.
    [[nodiscard]] operation<> send(bytes payload)
    {
        return {outbox_,
                detail::sending,
                {reinterpret_cast<std::uintptr_t>(payload.data()), payload.size()}};
    }
    [[nodiscard]] operation<> send(std::string_view payload) { return send(as_bytes(payload)); }

    /// Accepts several messages in one await, in their order: what receive_batch() has handed out, for
    /// instance. As send() otherwise: it waits, or `when_full` is done, with all of them or with none,
    /// so that the high-water mark may be passed by as much as they are.
    ///
    /// Lifetime the list and the payloads must stay until the await has ended.
    /// Errors   those of send(); none for an empty list. refused_payload, frame_too_large: of one of
    ///          them; those before it have been accepted, those behind it have not. As many as had
    ///          room have been accepted where memory was lacking.
    /// Cancel   safe: one that was cancelled has sent nothing.
    /// Overlap  as send(), also with it.
    /// Cost     cheaper than send() where messages are small.
    [[nodiscard]] operation<> send_batch(std::span<const bytes> payloads)
    {
        return {outbox_,
                detail::sending_batch,
                {reinterpret_cast<std::uintptr_t>(payloads.data()), payloads.size()}};
    }

    /// Waits until all that was accepted has been handed to the kernel.
    ///
    /// Errors   send_timeout, and whatever ended the connection.
    /// Cancel   safe. Overlap any number.
    [[nodiscard]] operation<> flush();

    /// Closes in good order: sends what was accepted, says that nothing follows, discards what the
    /// peer still sends, waits for its end; so that the peer never sees a reset over bytes that it
    /// has not read. All within close_timeout, then at once.
    ///
    /// Errors   close_timeout: the peer did not end.
    /// Cancel   safe: closing goes on in the background.
    /// Overlap  others end with `closed`.
    [[nodiscard]] operation<> close();

    /// Puts a layer between the transport and this connection, in place: STARTTLS. Both sides have
    /// agreed on it, with the last messages that everybody could read. `host` is for clients: whom the
    /// layer has to verify.
    ///
    ///     if (as_text(*frame) == "STARTTLS") {
    ///         co_await checked(peer.send("GO AHEAD"));
    ///         co_await checked(peer.upgrade(tls));
    ///     }
    ///
    /// Bytes that came before it began end the connection: whoever is on the way could have put them
    /// there, and they would pass for protected. So the client sends nothing until it has the answer.
    ///
    /// Lifetime the last frame is valid until it begins.
    /// Errors   early_bytes; those of the layer. The connection has ended then.
    /// Cancel   ends the connection.
    /// Overlap  send() gathers, and leaves over the layer. No receive().
    [[nodiscard]] task<> upgrade(stream_layer layer, std::string host = {});

    /// Ends receiving with `why` as if the peer had caused it; what was accepted is still sent.
    void fail(error_code why);

    /// What a stopping server asks: frames that have begun to come are still handed out, those in the
    /// kernel as well, and then receive() answers `draining`. Sending goes on. A frame that has begun
    /// is waited for as ever, within frame_timeout.
    void drain(drain_grace grace = {});

    /// Whether it was asked to, or is past its `lifetime`: the moment to say in the protocol that
    /// nothing more will be answered ("Connection: close").
    bool draining() const noexcept;

    /// Who ended it, in which phase, and why. While it lives: what it would be now.
    connection_ending ending() const noexcept;

    /// "127.0.0.1:50412". After the end, too.
    ///
    /// Cost     makes the text: for people, not for every message.
    std::string peer() const;

    /// Cost     copies two names and asks the kernel: for people and for monitoring, not for every
    ///          message.
    connection_info info() const;

    /// Why it ended: its first failure; nothing while it lives.
    error_code ended() const noexcept;

    /// For other threads, and for keeping: sends, closes and cancels, also after the end.
    connection_handle handle();

    /// What it stands on. Reading or writing there breaks the framing.
    stream& transport() const noexcept;
    loop& home() const noexcept;

private:
    friend struct detail::connection_access;

    detail::connection_core& core() const noexcept { return inbox_->core; }

    detail::inbox* inbox_;    // of its core
    detail::outbox* outbox_;  // likewise
};

}  // namespace libnet
