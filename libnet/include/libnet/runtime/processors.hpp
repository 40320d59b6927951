#pragma once

#include <libnet/core/config.hpp>

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace libnet {

/// How many processors this process may keep busy: those of its affinity (`taskset`, cpusets), and no more
/// than the quota of its control group pays for (`docker --cpus`, Kubernetes' limits), rounded up. At least
/// one. Elsewhere than on Linux: as many as the machine has.
LIBNET_ASIO_DECL std::size_t usable_processors() noexcept;

namespace detail {

/// The numbers of those that the affinity allows; none where nobody can tell.
LIBNET_ASIO_DECL std::vector<int> allowed_processors();

/// How many processors a quota pays for, rounded up: of "150000 100000" two (cgroup v2's cpu.max, in
/// microseconds of each period). Nothing for "max 100000" and for what is no quota.
LIBNET_ASIO_DECL std::optional<std::size_t> processors_of_quota(std::string_view cpu_max) noexcept;

}  // namespace detail
}  // namespace libnet
