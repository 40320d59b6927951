#include "shard.hpp"

#include <libnet/asio/loop_of.hpp>

#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <system_error>

#if defined(__linux__)
#include <cerrno>
#include <sched.h>
#endif

namespace libnet::detail {
namespace {

thread_local shard* this_threads = nullptr;

void keep_to(int processor)
{
#if defined(__linux__)
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(static_cast<unsigned>(processor), &only);
    if (::sched_setaffinity(0, sizeof only, &only) != 0) {
        throw std::system_error(errno, std::system_category(),
                                "cannot keep to processor " + std::to_string(processor));
    }
#else
    (void)processor;
#endif
}

}  // namespace

shard::shard(std::size_t index, std::optional<int> processor) : index_(index)
{
    auto started = started_.get_future();
    thread_ = std::thread([this, processor] { run(processor); });
    try {
        box_ = started.get();
    } catch (...) {
        thread_.join();
        throw;
    }
}

void shard::begin_to_end() noexcept
{
    for (;;) {
        try {
            box_->post([this] { end_visits(); });
            return;
        } catch (const std::bad_alloc&) {  // a thread that never ends would be worse
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
}

shard* shard::current() noexcept
{
    return this_threads;
}

void shard::run(std::optional<int> processor)
{
    this_threads = this;
    std::unique_ptr<boost::asio::io_context> context;  // GCC 12 takes an optional for uninitialised
    try {
        if (processor) {
            keep_to(*processor);
        }
        context = std::make_unique<boost::asio::io_context>(1);
        open_.emplace(context->get_executor());
        home_ = &loop_of(*context);
        started_.set_value(home_->remote());
    } catch (...) {
        open_.reset();  // before the context that it keeps open
        started_.set_exception(std::current_exception());
        return;
    }
    try {
        context->run();
    } catch (...) {
        failure_ = std::current_exception();
        ending_ = true;
    }
    open_.reset();
    context.reset();  // what still runs is destroyed, and answers
}

void shard::end_visits() noexcept
{
    ending_ = true;
    visits_.for_each([](visit& v) { v.task_.cancel(); });
    leave_if_empty();
}

void shard::leave_if_empty() noexcept
{
    if (ending_ && visits_.empty()) {
        open_.reset();
    }
}

shard::visit::visit(shard& here, fiber& task) noexcept : here_(here), task_(task)
{
    here.visits_.push_back(*this);
}

shard::visit::~visit()
{
    unlink();
    here_.leave_if_empty();
}

}  // namespace libnet::detail
