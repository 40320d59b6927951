#pragma once

#include <libnet/core/result.hpp>
#include <libnet/core/time.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Descriptors that travel over a Unix socket (SCM_RIGHTS), with a line of text that says what they are.
namespace libnet::detail {

/// So many in one message (SCM_MAX_FD).
inline constexpr std::size_t most_descriptors = 253;

/// Sends them with the first byte of `line`, at once or not at all.
error_code send_descriptors(int over, std::string_view line, std::span<const int> descriptors);

/// Blocks until a line has come, and answers it without its end; what came with it is close-on-exec and
/// the caller's, also after an error.
///
/// Errors  closed; timed_out; frame_too_large.
result<std::string> receive_descriptors(int over, std::size_t longest,
                                        std::vector<int>& descriptors);

/// No call on this blocking socket takes longer.
error_code bound_blocking(int socket, duration limit) noexcept;

}  // namespace libnet::detail
