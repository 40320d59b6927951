#pragma once

#include <libnet/framing/any_framing.hpp>
#include <libnet/runtime/group.hpp>
#include <libnet/session/connection.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace libnet::detail {

/// Turns clients away: with a last message, if there is one, that has a second to arrive. What the
/// client sends meanwhile is read and forgotten, since closing over unread bytes is a reset, which
/// destroys the message on its way. Only so many clients at a time get that second; the others get
/// the message and are closed at once, so that refusing never costs more than it should save.
class refusals {
public:
    static constexpr std::size_t most_lingering = 64;
    static constexpr duration linger = std::chrono::seconds(1);

    /// `on_gone` is called when one that has lingered is closed. Throws boost::system::system_error
    /// for a message that the framing cannot carry.
    refusals(std::string_view message, any_framing framing, std::function<void()> on_gone);

    /// Does not wait. Throws std::bad_alloc; then the client is closed all the same.
    void turn_away(group& tasks, std::unique_ptr<stream> client);

private:
    class seat;

    task<> linger_with(connection client, seat place);

    std::string frame_;
    std::function<void()> on_gone_;
    std::size_t lingering_ = 0;
};

}  // namespace libnet::detail
