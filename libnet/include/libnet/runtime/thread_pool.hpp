#pragma once

#include <libnet/core/config.hpp>

#include <cstddef>
#include <memory>

namespace libnet {

namespace detail {

class work_queue;
struct pool_access;

/// As many as the machine has processors, but two at least: one that waits for a disk must not
/// keep all others waiting.
LIBNET_ASIO_DECL std::size_t usual_threads() noexcept;

}  // namespace detail

/// How much runs at once, and how much waits.
struct thread_pool_options {
    /// How much of the work runs at once. A thread is started when there is work for it and kept.
    /// More than there are processors only helps work that waits, for disks or other programs.
    std::size_t threads = detail::usual_threads();

    /// How much more may wait for a thread. What comes above that is refused: it would wait for
    /// longer than anybody waits for it.
    std::size_t queue_limit = 1024;
};

/// Threads for work that blocks, which is handed to them by offload().
///
/// Threads  any.
class LIBNET_ASIO_DECL thread_pool {
public:
    /// Starts no thread yet. Throws std::invalid_argument if it may never have one.
    explicit thread_pool(thread_pool_options options = {});
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;

    /// Work that has not begun is dropped, and who awaits it is answered `cancelled`. Blocks until
    /// the rest has ended; so not from work that this pool runs.
    ~thread_pool();

    /// The process's own, with default options; made at the first call and destroyed when main()
    /// has returned, which waits for what still runs.
    static thread_pool& shared();

    /// Work that is waiting for a thread, and work that has one.
    std::size_t waiting() const;
    std::size_t running() const;

private:
    friend struct detail::pool_access;

    std::shared_ptr<detail::work_queue> queue_;
};

}  // namespace libnet
