#pragma once

#include <libnet/runtime/fiber.hpp>
#include <libnet/runtime/task.hpp>

namespace libnet::detail {

/// A task that nobody awaits: its loop owns it, and destroys it at the end if it still runs. It has to
/// tell by itself what came of it, exceptions included.
class background final : public described_fiber {
public:
    static void start(loop& home, task<> body)
    {
        new background(home, task_access<void>::release(body));
    }

private:
    background(loop& home, task_access<void>::handle frame) noexcept : described_fiber(home, frame)
    {
        home.exit();  // nobody waits for it: it must not keep the clock from coming to rest
    }
    ~background() override { this->home().enter(); }

    void ended() noexcept override { delete this; }
};

}  // namespace libnet::detail
