#pragma once

#include <libnet/core/config.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/transport/stream.hpp>

#include <memory>
#include <string>

namespace libnet {

/// Where streams come from. A server accepts from it until it is closed.
class LIBNET_ASIO_DECL listener {
public:
    virtual ~listener() = default;

    /// The next connection.
    ///
    /// Errors   the kernel's; cancelled.
    /// Cancel   safe: a connection that nobody took stays in the backlog.
    /// Overlap  one at a time.
    virtual task<std::unique_ptr<stream>> accept() = 0;

    /// Nobody may come any more. True: those who have come already are still handed out by accept(),
    /// which answers `closed` behind them; closing at once would reset their connections. False: that
    /// is all. Ends an accept() that waits.
    virtual bool end_arrivals() noexcept
    {
        close();
        return false;
    }

    /// The socket is not ours alone: another process accepts from it, or will. So nothing is done when
    /// it closes but giving up our part: those who wait in its queue stay there, a file remains.
    virtual void leave_to_others() noexcept {}

    /// Nothing is accepted any more.
    virtual void close() noexcept = 0;

    /// "127.0.0.1:9000", with the port that the kernel chose.
    virtual std::string local() const = 0;

    /// The descriptor, or -1 where there is none.
    virtual int native_handle() const noexcept { return -1; }
};

}  // namespace libnet
