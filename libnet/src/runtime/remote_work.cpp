#include "shard.hpp"

#include <libnet/runtime/remote_work.hpp>

#include <chrono>
#include <new>
#include <thread>
#include <utility>

namespace libnet::detail {

/// Owes the waiting task an answer, wherever it is on the shard: in a letter that may never be read, or
/// in the frame of the work, which may be destroyed where it stands. One that dies elsewhere was never
/// sent, and the sender knows.
class remote_work::ticket {
public:
    explicit ticket(std::shared_ptr<remote_work> work) noexcept : work_(std::move(work)) {}
    ticket(const ticket&) = delete;
    ticket& operator=(const ticket&) = delete;
    ~ticket()
    {
        const shard* const here = shard::current();
        if (here != nullptr && here->box() == work_->there_) {
            answer(*here);
        }
    }

    remote_work& work() const noexcept { return *work_; }

private:
    void answer(const shard& here) noexcept
    {
        work_->forget();
        if (here.failure()) {
            work_->exception_ = here.failure();
            work_->failure_ = {};
        }
        const auto box = std::move(work_->box_);
        for (;;) {
            try {
                box->post([work = work_] { work->arrive(); });
                return;
            } catch (const std::bad_alloc&) {  // a task that is never answered would be worse
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
            }
        }
    }

    std::shared_ptr<remote_work> work_;
};

struct remote_work::source {
    static remote_work& self(void* source) { return *static_cast<remote_work*>(source); }

    static readiness poll(void* source, operation_arguments)
    {
        remote_work& work = self(source);
        if (work.state_ == state::unsent) {
            if (const auto sent = work.send(); !sent) {
                work.failure_ = sent.error();
                return readiness::failure;
            }
        }
        if (work.state_ == state::under_way) {
            return readiness::pending;
        }
        return work.failure_ ? readiness::failure : readiness::value;
    }
    static result<> take(void* source)
    {
        const error_code& failed = self(source).failure_;
        return failed ? result<>(failed) : result<>();
    }
    static void start(void* source, operation_waiter<void>& w) { self(source).waiting_ = &w; }
    static void abandon(void* source, operation_waiter<void>&) noexcept
    {
        self(source).waiting_ = nullptr;
        self(source).ask_to_end();
    }
    static loop& home(void* source) { return *self(source).home_; }

    static constexpr operation_vtable<void> table{poll, take, start, abandon, home};
};

remote_work::remote_work(std::shared_ptr<mailbox> there) noexcept : there_(std::move(there)) {}

remote_work::~remote_work() = default;

operation<> remote_work::end(loop& home) noexcept
{
    home_ = &home;
    return {this, source::table};
}

result<> remote_work::send()
{
    box_ = home_->remote();
    auto owed = std::make_shared<ticket>(shared_from_this());
    if (!there_->post([owed = std::move(owed)] { begin(owed); })) {  // here nothing of it is kept
        return error::cancelled;
    }
    state_ = state::under_way;
    return {};
}

/// Without memory it does not happen: then the work goes on to its own end.
void remote_work::ask_to_end() noexcept
{
    told_to_end_ = true;
    try {
        there_->post([self = shared_from_this()] {
            if (self->running_ != nullptr) {
                self->running_->cancel();
            }
        });
    } catch (const std::bad_alloc&) {
    }
}

/// The letter is read, on the shard's thread.
void remote_work::begin(const std::shared_ptr<ticket>& owed) noexcept
{
    class visitor final : public described_fiber {
    public:
        visitor(loop& home, task_access<void>::handle frame) noexcept : described_fiber(home, frame)
        {
        }

    private:
        void ended() noexcept override { delete this; }
    };
    const shard& here = *shard::current();
    if (here.is_ending()) {
        return;
    }
    try {
        auto body = run(owed);
        new visitor(here.home(), task_access<void>::release(body));
    } catch (const std::bad_alloc&) {
        owed->work().failure_ = {};
        owed->work().exception_ = std::current_exception();
    }
}

task<> remote_work::run(std::shared_ptr<ticket> owed)
{
    remote_work& self = owed->work();
    fiber& task = co_await fiber_await{};
    shard& here = *shard::current();
    if (self.told_to_end_ || here.is_ending()) {
        co_return;
    }
    const shard::visit running(here, task);
    self.running_ = &task;
    try {
        const auto ended = co_await self.work();
        self.failure_ = ended ? error_code() : ended.error();
    } catch (...) {
        self.failure_ = {};
        self.exception_ = std::current_exception();
    }
    self.running_ = nullptr;
}

void remote_work::arrive() noexcept
{
    state_ = state::ended;
    if (waiting_ != nullptr) {
        std::exchange(waiting_, nullptr)->complete(source::take(this));
    }
}

void remote_work::rethrow()
{
    if (exception_) {
        std::rethrow_exception(std::exchange(exception_, nullptr));
    }
}

}  // namespace libnet::detail
