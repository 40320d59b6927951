#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <sys/types.h>

namespace integration {

/// Bytes of a process's memory that are really there, and the most that ever were.
std::size_t resident_memory(pid_t process);
std::size_t peak_memory(pid_t process);

std::size_t descriptors_of(pid_t process);

/// Time on the processor that a process has used so far, user and system together.
std::chrono::milliseconds processor_time(pid_t process);

/// A server's ends of connections that rest in TIME_WAIT.
std::size_t in_time_wait(std::uint16_t port);

}  // namespace integration
