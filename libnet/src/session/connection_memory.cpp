#include "connection_core.hpp"

/// What it holds, and what it does when that is too much for all connections together.
namespace libnet::detail {

std::size_t connection_core::memory() const noexcept
{
    return inbox_.memory() + (batch_ ? batch_->memory() : 0) + out_.capacity() +
           (flight_ ? flight_->output.capacity() : 0) + stream_->memory();
}

void connection_core::give_buffers_back() noexcept
{
    inbox_.release();
    batch_.reset();
    if (unsent() == 0) {
        out_.release();
        if (!writing_) {
            flight_.reset();
        } else if (flight_) {  // the stream has it all still, and a deadline to be rid of it
            flight_->output.release();
        }
    }
    count_memory();
}

/// None if others need the memory more. What it has no use for itself does not count against it.
std::size_t connection_core::allowed_room_to_read() noexcept
{
    if (closing_) {
        return receive_buffer::largest_read;
    }
    std::size_t room = ask_for_room();
    if (room == 0 && inbox_.received.empty()) {
        give_buffers_back();
        room = ask_for_room();
    }
    return room;
}

std::size_t connection_core::ask_for_room() noexcept
{
    const std::size_t growth =
        inbox_.received.capacity_for(inbox_.needed) - inbox_.received.capacity();
    return settings_->budget->room_to_read(*account_, growth);
}

void connection_core::memory_is_free() noexcept
{
    if (somebody_receives() && !reading_ && !closed_) {
        read_now();
    }
}

void connection_core::give_unused_back() noexcept
{
    if (may_park()) {
        park();
    } else if (!reading_ && inbox_.received.empty()) {
        give_buffers_back();
    }
}

void connection_core::give_memory_up() noexcept
{
    break_off(error::limit_reached);
    finish_close({});
}

}  // namespace libnet::detail
