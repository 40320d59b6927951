#include "connection_core.hpp"

/// What it holds, and what it does when that is too much for all connections together.
namespace libnet::detail {

std::size_t connection_core::memory() const noexcept
{
    return inbox_.received.capacity() + out_.capacity() + in_flight_.capacity();
}

/// None if others need the memory more.
std::size_t connection_core::allowed_room_to_read() noexcept
{
    if (closing_) {
        return receive_buffer::largest_read;
    }
    const std::size_t growth = inbox_.received.capacity_for(needed_) - inbox_.received.capacity();
    return settings_->budget->room_to_read(account_, growth);
}

void connection_core::memory_is_free() noexcept
{
    if (somebody_receives() && !reading_ && !closed_) {
        read_now();
    }
}

void connection_core::give_memory_up() noexcept
{
    break_off(error::limit_reached);
    finish_close({});
}

}  // namespace libnet::detail
