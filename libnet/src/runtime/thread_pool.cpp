#include "work_queue.hpp"

#include <libnet/runtime/thread_pool.hpp>

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace libnet {

namespace detail {

std::size_t usual_threads() noexcept
{
    return std::max(2U, std::thread::hardware_concurrency());
}

}  // namespace detail

thread_pool::thread_pool(thread_pool_options options)
    : queue_(std::make_shared<detail::work_queue>(options.threads, options.queue_limit))
{
    if (options.threads == 0) {
        throw std::invalid_argument("libnet: a thread_pool needs a thread");
    }
}

thread_pool::~thread_pool()
{
    queue_->close();
}

thread_pool& thread_pool::shared()
{
    static thread_pool pool;
    return pool;
}

std::size_t thread_pool::waiting() const
{
    return queue_->waiting();
}

std::size_t thread_pool::running() const
{
    return queue_->running();
}

}  // namespace libnet
