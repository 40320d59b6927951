#pragma once

#include <libnet/runtime/group.hpp>

#include <exception>
#include <string>

namespace libnet::detail {

/// A child of a group. Its place there goes with it, whoever destroys it first: the group, or the loop
/// at shutdown.
class LIBNET_ASIO_DECL group_member : public fiber, private group_place {
public:
    group_member(group& of, task<> work);

    /// It works for whom the group's own task works, unless it says otherwise.
    std::string description() const override;

protected:
    void ended() noexcept override;

    /// In ended(): it goes on with another task, in place of the one that has ended.
    void go_on_with(task<> next) noexcept;

    /// It is no more, and this is what the group learns of it.
    void leave_group(const error_code& failure, std::exception_ptr thrown) noexcept;

private:
    friend class libnet::group;

    static group_member& of(group_place& place) noexcept
    {
        return static_cast<group_member&>(place);
    }

    group& group_;
};

}  // namespace libnet::detail
