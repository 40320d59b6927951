#pragma once

#include <libnet/core/config.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/session/connection.hpp>

#include <functional>

namespace libnet::detail {

/// A session that no server looks after: runs it, closes the connection, however the session has ended
/// and whoever cancels, and ends as the session did. `peer` stays until then.
LIBNET_ASIO_DECL task<> serve_and_close(connection& peer,
                                        std::function<task<>(connection&)> session);

}  // namespace libnet::detail
