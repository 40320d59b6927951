#pragma once

#include <libnet/transport/unix_domain.hpp>

namespace libnet::detail {

result<unix_domain::credentials> read_credentials(int descriptor);

/// " (process 4711, user 1000)", for ends that have no name of their own: the other one, and this
/// process as the other one sees it.
std::string describe_peer(int descriptor);
std::string describe_this_process();

}  // namespace libnet::detail
