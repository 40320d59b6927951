#pragma once

#include "asio_clock.hpp"
#include "operation_memory.hpp"

#include <libnet/core/config.hpp>
#include <libnet/runtime/loop.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace libnet::detail {

class descriptor_poll;
class loop_service;

/// A strand, whatever it counts, and what tells it from others.
struct known_strand {
    boost::asio::any_io_executor executor;
    const void* identity;
};

/// A loop in an io_context: the context's own, whose handlers Asio calls directly, or that of a
/// strand, whose handlers go through the strand. Handlers of a strand's loop own it with others:
/// it may end before its context.
class asio_loop final : public loop, public std::enable_shared_from_this<asio_loop> {
public:
    using any_executor = boost::asio::any_io_executor;

    asio_loop(loop_service& service, boost::asio::io_context& context,
              std::optional<known_strand> strand);
    ~asio_loop();

    boost::asio::io_context& context() const noexcept { return context_; }

    /// The strand through which every handler has to go; null on a context's own loop.
    const any_executor* strand() const noexcept { return strand_ ? &strand_->executor : nullptr; }

    /// Where handlers run.
    any_executor executor() const
    {
        return strand_ ? strand_->executor : any_executor(context_.get_executor());
    }

    std::shared_ptr<mailbox> remote() override;

    /// Where its descriptors are waited for without Asio; made at the first call. Null where there is
    /// none: on a strand, whose handlers have to go through it, outside of Linux, where the kernel has none
    /// to give, and at the end.
    descriptor_poll* poll() noexcept;

    /// Keeps something that is its own, and that a floor above has made for it, as long as it lives.
    void keep(std::shared_ptr<void> made_for_it) noexcept { kept_ = std::move(made_for_it); }

    /// The context ends: destroys all tasks, while sockets can still be closed.
    void end() noexcept;

    /// A strand's loop on which nobody lives any more, and nobody will by the next turn, ends.
    void leave_if_empty() noexcept;

protected:
    void wake() noexcept override;
    void emptied() noexcept override;

private:
    class asio_mailbox;

    loop_service& service_;
    boost::asio::io_context& context_;
    std::optional<known_strand> strand_;
    asio_clock clock_;
    std::unique_ptr<descriptor_poll> poll_;
    bool awake_ = false;  // run_deferred() is posted
    operation_memory waking_;
    std::shared_ptr<asio_mailbox> mailbox_;
    std::shared_ptr<void> kept_;
};

/// The strand that a handler of `l` must be bound to, or null where Asio may call it directly.
inline const boost::asio::any_io_executor* strand_of(const loop& l) noexcept
{
    return static_cast<const asio_loop&>(l).strand();
}

}  // namespace libnet::detail
