#include <libnet/testing/stream_pair.hpp>

#include "memory_stream.hpp"

namespace libnet::testing {

stream_pair::stream_pair(loop& home, pipe_options forward, pipe_options backward)
    : forward_(std::make_shared<pipe>(home, forward)),
      backward_(std::make_shared<pipe>(home, backward)),
      left_(std::make_unique<memory_stream>(home, backward_, forward_, "left", "right")),
      right_(std::make_unique<memory_stream>(home, forward_, backward_, "right", "left"))
{
}

stream_pair::~stream_pair() = default;

std::unique_ptr<stream> stream_pair::take_left()
{
    return std::move(left_);
}

std::unique_ptr<stream> stream_pair::take_right()
{
    return std::move(right_);
}

pipe_options& stream_pair::forward() noexcept
{
    return forward_->options;
}

pipe_options& stream_pair::backward() noexcept
{
    return backward_->options;
}

std::uint64_t stream_pair::forward_bytes() const noexcept
{
    return forward_->written();
}

std::uint64_t stream_pair::backward_bytes() const noexcept
{
    return backward_->written();
}

std::size_t stream_pair::forward_waiting() const noexcept
{
    return forward_->waiting();
}

std::size_t stream_pair::backward_waiting() const noexcept
{
    return backward_->waiting();
}

}  // namespace libnet::testing
