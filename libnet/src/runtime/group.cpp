#include <libnet/runtime/group.hpp>

namespace libnet {

/// A child. Its place in the group goes with it, whoever destroys it first: the group, or the loop
/// at shutdown.
struct group::member final : detail::described_fiber {
    member(group& g, detail::task_access<void>::handle frame) : described_fiber(g.loop_, frame), owner(g)
    {
        inherit(g.owner_);
        place.of = this;
        g.members_.push_back(place);
    }

    /// It works for whom the group's own task works, unless it says otherwise.
    std::string description() const override
    {
        return is_described() ? described_fiber::description() : owner.owner_.description();
    }

    void ended() noexcept override { owner.ended(*this); }

    group& owner;
    hook place;
};

struct group::source {
    static detail::readiness poll(void* self, detail::operation_arguments)
    {
        const auto& g = *static_cast<group*>(self);
        return g.size_ != 0 ? detail::readiness::pending
                            : (g.failure_ ? detail::readiness::failure : detail::readiness::value);
    }
    static result<> take(void* self)
    {
        const auto& g = *static_cast<group*>(self);
        return g.failure_ ? result<>(g.failure_) : result<>();
    }
    static void start(void* self, detail::operation_waiter<void>& w)
    {
        static_cast<group*>(self)->joiner_ = &w;
    }
    static void abandon(void* self, detail::operation_waiter<void>&) noexcept
    {
        static_cast<group*>(self)->joiner_ = nullptr;
    }
    static loop& home(void* self) { return static_cast<group*>(self)->loop_; }

    static constexpr detail::operation_vtable<void> table{poll, take, start, abandon, home};
};

group::group(detail::fiber& owner) noexcept : loop_(owner.home()), owner_(owner) {}

group::~group()
{
    while (!members_.empty()) {
        delete members_.front().of;
    }
}

void group::start(task<> child)
{
    auto* begun = new member(*this, detail::task_access<void>::release(child));  // in members_
    ++size_;
    if (cancelled_) {
        begun->cancel();  // or joining would wait for one that nobody cancels
    }
}

operation<> group::join()
{
    return {this, source::table};
}

void group::cancel() noexcept
{
    cancelled_ = true;
    members_.for_each([](hook& h) { h.of->cancel(); });
}

void group::ended(member& child) noexcept
{
    const std::exception_ptr exception = child.promise().failure.exception();
    const error_code failure = child.promise().failure.error();
    delete &child;
    --size_;
    if (exception && !exception_) {
        exception_ = exception;
    }
    if ((exception || failure) && !cancelled_) {
        failure_ = failure;
        cancel();
        stop_body();
    }
    if (size_ == 0 && joiner_ != nullptr) {
        std::exchange(joiner_, nullptr)->complete(source::take(this));
    }
}

void group::stop_body() noexcept
{
    if (body_scope_ != nullptr) {
        owner_.stop(*body_scope_, error::cancelled);
    }
}

}  // namespace libnet
