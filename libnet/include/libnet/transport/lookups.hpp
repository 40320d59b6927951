#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/result.hpp>
#include <libnet/core/socket_address.hpp>
#include <libnet/policy/lookup_cache.hpp>
#include <libnet/runtime/task.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace libnet {

/// Looks up the names of hosts, many at once but each name once at a time, whoever asks, and remembers
/// the answers for a while. The system's network stands on one; so may a `network` of your own.
///
/// A lookup cannot be stopped: whoever gives up leaves it to end by itself, and those who ask for the
/// same name meanwhile wait for that one. So however long a name server is silent, nobody waits for
/// longer than they want to, and there are never two questions for one name.
///
/// Lifetime  must outlive its lookups: their loop, or what the question takes at most.
class LIBNET_ASIO_DECL lookups {
public:
    /// What a name resolves to, in the order of preference.
    using addresses = std::vector<socket_address>;

    /// Asks somebody; called once for each lookup, and never stopped.
    using question = std::function<task<addresses>(std::string host)>;

    /// `ask` asks the system; `home` must outlive it.
    lookups(loop& home, question ask, lookup_cache_options remember = {});
    lookups(const lookups&) = delete;
    lookups& operator=(const lookups&) = delete;
    ~lookups();

    /// The addresses of `host`, without a port.
    ///
    /// Errors   those of the question. A host_not_found is remembered for a while, others are not.
    /// Cancel   safe. Overlap  any number.
    task<addresses> find(std::string host);

    /// How many questions are being asked.
    std::size_t under_way() const noexcept;

private:
    struct lookup;
    struct books;

    std::shared_ptr<lookup> begin(const std::string& host);
    task<> look_up(std::string host, std::shared_ptr<lookup> into);

    loop& home_;
    question ask_;
    std::unique_ptr<books> books_;
};

}  // namespace libnet
