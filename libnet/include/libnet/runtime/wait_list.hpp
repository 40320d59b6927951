#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/list_node.hpp>
#include <libnet/core/result.hpp>
#include <libnet/runtime/loop.hpp>
#include <libnet/runtime/operation.hpp>

#include <cstddef>

namespace libnet::detail {

/// Tasks that wait until somebody lets them go on, in the order in which they came. Every wait
/// suspends: look first whether there is anything to wait for, and again afterwards.
///
/// Lifetime  must outlive its waits.
/// Cost      no allocation: waiters are linked where they stand.
class LIBNET_ASIO_DECL wait_list {
public:
    explicit wait_list(loop& home) noexcept : home_(home) {}
    wait_list(const wait_list&) = delete;
    wait_list& operator=(const wait_list&) = delete;

    /// Errors   what it was woken with. Cancel  safe. Overlap  any number.
    [[nodiscard]] operation<> wait() noexcept;

    bool empty() const noexcept { return waiting_.empty(); }

    /// Lets the one that has waited longest go on; false if nobody waits.
    bool wake_one(const error_code& why = {}) noexcept;
    void wake_all(const error_code& why = {}) noexcept;

    loop& home() const noexcept { return home_; }

private:
    struct source;

    loop& home_;
    node_list<operation_waiter<void>> waiting_;
};

}  // namespace libnet::detail
