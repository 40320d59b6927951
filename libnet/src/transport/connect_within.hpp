#pragma once

#include <libnet/core/time.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/transport/stream.hpp>

#include <memory>

namespace libnet::detail {

/// Bounds an attempt to connect. Its own deadline is a connect_timeout, one from outside is not.
task<std::unique_ptr<stream>> connect_within(duration limit, task<std::unique_ptr<stream>> attempt);

}  // namespace libnet::detail
