#include "connection_core.hpp"

#include <libnet/session/connection_handle.hpp>

#include <string>
#include <utility>

namespace libnet {

connection_handle::connection_handle(std::shared_ptr<detail::connection_link> link) noexcept
    : link_(std::move(link))
{
}

result<> connection_handle::send(bytes payload) const
{
    if (!link_->alive) {
        return error::closed;
    }
    const std::size_t cost = detail::connection_link::cost_of(as_text(payload));
    if (link_->queued.fetch_add(cost) >= link_->limit) {
        link_->queued -= cost;
        return error::peer_not_reading;
    }
    bool posted = false;
    try {
        posted = link_->box->post([link = link_, copy = to_string(payload)]() mutable {
            if (link->core != nullptr) {
                link->core->post_letter(std::move(copy));
            }
        });
    } catch (...) {  // what was not taken takes no room
        link_->queued -= cost;
        throw;
    }
    return posted ? result<>() : result<>(error::closed);
}

result<> connection_handle::send(std::string_view payload) const
{
    return send(as_bytes(payload));
}

void connection_handle::close() const
{
    end(error::closed);
}

void connection_handle::cancel() const
{
    end(error::cancelled);
}

void connection_handle::end(error why) const
{
    link_->box->post([link = link_, why] {
        if (link->core != nullptr) {
            link->core->fail(why);
        }
    });
}

bool connection_handle::alive() const noexcept
{
    return link_->alive;
}

}  // namespace libnet
