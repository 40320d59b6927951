#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/core/time.hpp>
#include <libnet/runtime/task.hpp>
#include <libnet/transport/inherited.hpp>

#include <chrono>
#include <string>
#include <vector>

/// A process that is replaced while its clients go on connecting: the new one gets the listening
/// sockets of the old one over a Unix socket, and the old one drains when the new one serves. The sockets
/// are never closed, so nobody is refused, and nobody in their queues is lost.
///
///     new process                                    old process
///        | connects to PATH, "take 1 \n" ------------> |  the same user, or root
///        | <----- "sockets echo\tadmin\n" + descriptors |
///        |  inherits them, begins to serve              |  goes on serving
///        | "ready \n" --------------------------------> |  gives up PATH
///        | <-------------------------------- "done \n"  |
///        |  offers them at PATH in its turn             |  drains, ends
///
/// The messages are lines; the descriptors come with the first byte of theirs (SCM_RIGHTS). If the new
/// process dies before it is ready, the old one has not noticed.
namespace libnet {

/// The old process: offers these sockets at `path`, and ends when a successor serves. Then stop with
/// server::hand_over(). The descriptors stay the caller's.
///
/// Errors   what listening on a Unix socket meets is thrown (boost::system::system_error).
/// Cancel   ends the offer.
[[nodiscard]] LIBNET_ASIO_DECL task<> offer_sockets(std::string path,
                                                    std::vector<inherited_socket> sockets);

/// The new process, at its start.
class LIBNET_ASIO_DECL takeover {
public:
    /// Asks the process that serves at `path`, and blocks until it has answered, for `limit` at most:
    /// before there is a loop to keep waiting.
    ///
    /// Errors   no_such_file_or_directory, connection_refused: there is nobody, this is the first;
    ///          permission_denied: another user's; timed_out; malformed_frame: it speaks otherwise.
    static result<takeover> from(const std::string& path, duration limit = std::chrono::seconds(5));

    takeover(takeover&& other) noexcept;
    takeover& operator=(takeover&& other) noexcept;
    ~takeover();

    /// What the other process listens on. Whoever uses one takes it: inherit() it, and servers find it.
    /// Those that are left here are closed at the end.
    std::vector<inherited_socket> sockets;

    /// We serve: the other process may go. It no longer uses the path when this has ended.
    ///
    /// Errors   it has gone already, or does not answer in 5 s. Serving goes on in any case.
    [[nodiscard]] task<> ready();

private:
    takeover() = default;

    int line_ = -1;
};

}  // namespace libnet
