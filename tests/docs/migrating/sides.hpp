#pragma once

#include <chrono>
#include <memory>
#include <string>

/// Five programs of docs/migrating.md, each written twice: with Asio and with libnet.
namespace migrating {

/// A server on a thread of its own, until it is destroyed.
class running_server {
public:
    virtual ~running_server() = default;
    virtual std::string where() const = 0;  // "127.0.0.1:40123"
};

class side {
public:
    virtual ~side() = default;

    virtual std::unique_ptr<running_server> echo() const = 0;
    virtual std::unique_ptr<running_server> chat_room() const = 0;

    /// Asks a server that talks in lines; throws when there is no answer in time.
    virtual std::string ask(const std::string& where, const std::string& question,
                            std::chrono::milliseconds limit) const = 0;

    /// The same over TLS, with a server whose certificate `authority` has signed (PEM); throws for
    /// any other.
    virtual std::string ask_over_tls(const std::string& where, const std::string& question,
                                     const std::string& authority) const = 0;

    /// The body of what an HTTP server answers.
    virtual std::string get(const std::string& where, const std::string& target) const = 0;
};

const side& with_asio();
const side& with_libnet();

}  // namespace migrating
