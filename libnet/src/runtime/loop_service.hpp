#pragma once

#include "asio_loop.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace libnet::detail {

/// The loops of an io_context: its own, and one for each strand on which somebody lives. A service,
/// so that they end before the context's sockets do.
///
/// Threads  any.
class loop_service final : public boost::asio::execution_context::service {
public:
    using key_type = loop_service;
    static boost::asio::execution_context::id id;

    explicit loop_service(boost::asio::execution_context& owner);

    /// The context's own.
    asio_loop& own() noexcept { return *own_; }

    /// The loop of `strand`, which runs in this thread; made if there is none.
    asio_loop& of_strand(const known_strand& strand);

    /// A strand's loop ends.
    void remove(const known_strand& strand) noexcept;

    /// How many strands have one.
    std::size_t strands() const;

private:
    void shutdown() override;

    boost::asio::io_context& context_;
    std::shared_ptr<asio_loop> own_;
    mutable std::mutex mutex_;
    std::uint64_t next_seed_;
    std::unordered_map<const void*, std::shared_ptr<asio_loop>> of_strands_;  // by identity
};

}  // namespace libnet::detail
