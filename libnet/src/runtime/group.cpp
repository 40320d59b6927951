#include "group_member.hpp"

#include <libnet/runtime/group.hpp>

namespace libnet {

namespace detail {

group_member::group_member(group& of, task<> work)
    : fiber(of.loop_, task_access<void>::release(work)), group_(of)
{
    inherit(of.owner_);
    of.began(*this);
}

std::string group_member::description() const
{
    return group_.owner_.description();
}

void group_member::ended() noexcept
{
    leave_group(promise().failure.error(), promise().failure.exception());
}

void group_member::go_on_with(task<> next) noexcept
{
    fiber::go_on_with(task_access<void>::release(next).promise());
}

void group_member::leave_group(const error_code& failure, std::exception_ptr thrown) noexcept
{
    group& left = group_;
    delete this;
    left.lost_one(failure, std::move(thrown));
}

}  // namespace detail

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
        delete &detail::group_member::of(members_.front());
    }
}

void group::start(task<> child)
{
    new detail::described<detail::group_member>(*this, std::move(child));  // in members_
}

void group::began(detail::group_member& child) noexcept
{
    members_.push_back(child);
    ++size_;
    if (cancelled_) {
        child.cancel();  // or joining would wait for one that nobody cancels
    }
}

operation<> group::join()
{
    return {this, source::table};
}

void group::cancel() noexcept
{
    cancelled_ = true;
    members_.for_each([](detail::group_place& p) { detail::group_member::of(p).cancel(); });
}

void group::lost_one(const error_code& failure, std::exception_ptr thrown) noexcept
{
    --size_;
    if (thrown && !exception_) {
        exception_ = thrown;
    }
    if ((thrown || failure) && !cancelled_) {
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
