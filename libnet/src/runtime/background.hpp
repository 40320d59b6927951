#pragma once

#include <libnet/runtime/fiber.hpp>
#include <libnet/runtime/task.hpp>

namespace libnet::detail {

/// A task that nobody awaits: its loop owns it, and destroys it at the end if it still runs. It has to
/// tell by itself what came of it, exceptions included.
class background final : public fiber {
public:
    static void start(loop& home, task<> body)
    {
        const auto frame = task_access<void>::release(body);
        new background(home, frame, frame.promise());
    }

private:
    background(loop& home, std::coroutine_handle<> frame, promise_base& promise) noexcept
        : fiber(home, frame, promise, [](fiber& f) { delete static_cast<background*>(&f); })
    {
        home.exit();  // nobody waits for it: it must not keep the clock from coming to rest
    }
    ~background() override { this->home().enter(); }
};

}  // namespace libnet::detail
