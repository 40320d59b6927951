#pragma once

#include <libnet/core/bytes.hpp>
#include <libnet/core/config.hpp>
#include <libnet/core/ip_address.hpp>
#include <libnet/core/result.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/transport/kernel_statistics.hpp>
#include <libnet/transport/security_info.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace libnet {

struct proxy_info;

/// Who is told when an operation of a stream ends. Counted: an operation under way holds a
/// reference, so the buffers that it points into live as long as it does.
class LIBNET_ASIO_DECL stream_events {
public:
    stream_events() noexcept = default;
    stream_events(const stream_events&) = delete;
    stream_events& operator=(const stream_events&) = delete;

    /// So many bytes came, none if wait_readable() asked; or an error: `error::closed` for the
    /// orderly end of the stream, `error::cancelled` if cancel_read() asked for it.
    virtual void on_read(const error_code& failed, std::size_t count) = 0;

    /// So many bytes were taken, perhaps fewer than offered.
    virtual void on_write(const error_code& failed, std::size_t count) = 0;

    /// Counts who refers to it; the last one to release it destroys it.
    void retain() noexcept { ++references_; }
    void release() noexcept
    {
        if (--references_ == 0) {
            delete this;
        }
    }

protected:
    virtual ~stream_events() = default;

private:
    std::size_t references_ = 0;
};

/// A counted reference to whoever waits for a stream.
class events_reference {
public:
    events_reference() noexcept = default;

    /// Refers to `events`, or to nothing.
    explicit events_reference(stream_events& events) noexcept : events_(&events)
    {
        events.retain();
    }
    events_reference(events_reference&& other) noexcept
        : events_(std::exchange(other.events_, nullptr))
    {
    }
    events_reference(const events_reference& other) noexcept : events_(other.events_)
    {
        if (events_ != nullptr) {
            events_->retain();
        }
    }
    events_reference& operator=(events_reference other) noexcept
    {
        std::swap(events_, other.events_);
        return *this;
    }
    ~events_reference()
    {
        if (events_ != nullptr) {
            events_->release();
        }
    }

    /// Whether it refers to anything, and to what.
    explicit operator bool() const noexcept { return events_ != nullptr; }
    stream_events* operator->() const noexcept { return events_; }

private:
    stream_events* events_ = nullptr;
};

/// Bytes in, bytes out: what a connection stands on. TCP is one, the in-memory pair of the test kit
/// another; write one for whatever else carries bytes.
///
/// Operations end through stream_events, exactly once each, never inside the call that began them
/// and always inside a loop::turn.
///
/// Lifetime outlives its operations: who is told about them owns it. close() ends them.
/// Overlap  one read and one write at a time. Threads: the loop's.
class LIBNET_ASIO_DECL stream {
public:
    virtual ~stream() = default;

    /// Where its events are told.
    virtual loop& home() const noexcept = 0;

    /// Reads what is there into `room`, at least one byte.
    virtual void read_some(mutable_bytes room, stream_events& events) = 0;

    /// Whether a read costs nothing as long as nothing is there, since this stream knows that without
    /// asking the kernel. On others whoever has just written reads a turn later.
    virtual bool knows_when_empty() const noexcept { return false; }

    /// Lets the read under way end with `cancelled`, if nothing has come for it; so that an idle
    /// connection need not hold a buffer. Not while a write is under way. False: this stream cannot.
    virtual bool cancel_read() noexcept { return false; }

    /// A read without a buffer: ends with no bytes when some could be read. Only for streams that
    /// can cancel_read().
    virtual void wait_readable(stream_events& events);

    /// Writes some of these pieces, in order, as one. An empty write ends when holds_output() may
    /// have become false.
    virtual void write_some(std::span<const bytes> pieces, stream_events& events) = 0;

    /// Writes what can be written without waiting; 0 if that is nothing, or if this stream cannot
    /// know. Not while a write is under way.
    virtual result<std::size_t> try_write(std::span<const bytes> pieces) = 0;

    /// Whether some of what was written is still in here, because what is below did not take it.
    virtual bool holds_output() const noexcept { return false; }

    /// Nothing more will be written; the peer reads the end. Reading goes on.
    virtual error_code shutdown_send() noexcept = 0;

    /// What reading would meet, as far as that is known without reading.
    enum class outlook : unsigned char { quiet, input, ended };
    virtual outlook look() const noexcept { return outlook::quiet; }

    /// How many bytes have come and were not read yet: never fewer. Where more is not known, they may
    /// be more than there is to be read, and 0 where nothing is known. A connection that drains waits
    /// for them.
    virtual std::size_t arrived() const noexcept { return 0; }

    /// Ends both directions at once. Operations under way end with an error.
    virtual void close() noexcept = 0;

    /// Whom it leads to and from where, for people: "127.0.0.1:9000". After close(), too.
    virtual std::string peer() const = 0;
    virtual std::string local() const = 0;

    /// The address that the peer counts for where clients are counted by address; none where it has
    /// none, as on a Unix socket.
    virtual ip_address peer_address() const noexcept { return {}; }

    /// The descriptor, or -1 where there is none.
    virtual int native_handle() const noexcept { return -1; }

    /// Gives the descriptor to the caller, who closes it; -1 where it would be of no use alone, as
    /// under TLS. Not while an operation is under way; nothing but destroying comes after it.
    virtual int release_native() noexcept { return -1; }

    /// Bytes of buffers that it holds.
    virtual std::size_t memory() const noexcept { return 0; }

    /// How long a closing connection waits for the peer's end once it has said its own, if that is
    /// less than its close_timeout.
    virtual duration end_timeout() const noexcept { return never; }

    /// What protects it; nothing if it is open to everybody on the way.
    virtual std::optional<security_info> security() const { return std::nullopt; }

    /// Through whom it came, if a balancer has said for whom it connected: then that is the peer. As
    /// long as the stream.
    virtual const proxy_info* proxy() const noexcept { return nullptr; }

    /// What the kernel knows of it; nothing where it is not the kernel's.
    virtual std::optional<kernel_statistics> statistics() const { return std::nullopt; }
};

}  // namespace libnet
