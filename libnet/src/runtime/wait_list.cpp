#include <libnet/runtime/wait_list.hpp>

namespace libnet::detail {

struct wait_list::source {
    static wait_list& self(void* source) { return *static_cast<wait_list*>(source); }

    static readiness poll(void*, operation_arguments) { return readiness::pending; }
    static result<> take(void*) { return {}; }
    static void start(void* source, operation_waiter<void>& w)
    {
        self(source).waiting_.push_back(w);
    }
    static void abandon(void*, operation_waiter<void>& w) noexcept { w.unlink(); }
    static loop& home(void* source) { return self(source).home_; }

    static constexpr operation_vtable<void> table{poll, take, start, abandon, home};
};

operation<> wait_list::wait() noexcept
{
    return {this, source::table};
}

bool wait_list::wake_one(const error_code& why) noexcept
{
    if (waiting_.empty()) {
        return false;
    }
    waiting_.front().complete(why ? result<>(why) : result<>());
    return true;
}

void wait_list::wake_all(const error_code& why) noexcept
{
    while (wake_one(why)) {}
}

}  // namespace libnet::detail
