#pragma once

#include <libnet/transport/inherited.hpp>

#include <memory>
#include <string_view>

namespace libnet::detail {

/// A duplicate of the inherited socket whose local address is this, as text; -1 if there is none.
int duplicate_inherited(std::string_view local);

/// Takes the descriptor, also if it throws.
std::unique_ptr<listener> listen_on_inherited(loop& home, int descriptor,
                                              const socket_options& options);

}  // namespace libnet::detail
