#pragma once

#include "asio_clock.hpp"
#include "operation_memory.hpp"

#include <libnet/core/config.hpp>
#include <libnet/runtime/loop.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>

namespace libnet::detail {

/// The loop inside an io_context. A service, so that it ends before the context's sockets do.
class asio_loop final : public boost::asio::execution_context::service, public loop {
public:
    using key_type = asio_loop;
    static boost::asio::execution_context::id id;

    explicit asio_loop(boost::asio::execution_context& owner);
    ~asio_loop();

    boost::asio::io_context& context() const noexcept { return context_; }
    std::shared_ptr<mailbox> remote() override;

protected:
    void wake() noexcept override;

private:
    class asio_mailbox;

    void shutdown() override;

    boost::asio::io_context& context_;
    asio_clock clock_;
    bool awake_ = false;  // run_deferred() is posted
    operation_memory waking_;
    std::shared_ptr<asio_mailbox> mailbox_;
};

}  // namespace libnet::detail
