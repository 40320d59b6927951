#include <libnet/transport/tls_context.hpp>

#include "tls_attached.hpp"
#include "tls_certificates.hpp"
#include "tls_failure.hpp"
#include "tls_state.hpp"
#include "tls_stream.hpp"

#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <utility>

namespace libnet {

// ---- the state ----------------------------------------------------------------------------------

std::shared_ptr<const tls_context::state::snapshot> tls_context::state::current() const
{
    const std::lock_guard lock(mutex_);
    return current_;
}

void tls_context::state::load(const std::vector<tls_certificate>* other)
{
    const std::lock_guard loading(loading_);
    auto fresh = read(other);
    const std::lock_guard lock(mutex_);
    current_ = std::move(fresh);
}

namespace detail {
namespace {

/// A TLS stream in the hands of whoever uses it.
class tls_front final : public stream {
public:
    explicit tls_front(tls_stream& of) noexcept : of_(&of) { of.retain(); }
    tls_front(const tls_front&) = delete;
    tls_front& operator=(const tls_front&) = delete;
    ~tls_front() override
    {
        of_->close();
        of_->release();
    }

    loop& home() const noexcept override { return of_->below().home(); }
    void read_some(mutable_bytes room, stream_events& events) override
    {
        of_->read_some(room, events);
    }
    bool knows_when_empty() const noexcept override { return of_->below().knows_when_empty(); }
    bool cancel_read() noexcept override { return of_->cancel_read(); }
    void wait_readable(stream_events& events) override { of_->wait_readable(events); }
    void write_some(std::span<const bytes> pieces, stream_events& events) override
    {
        of_->write_some(pieces, events);
    }
    result<std::size_t> try_write(std::span<const bytes> pieces) override
    {
        return of_->try_write(pieces);
    }
    bool holds_output() const noexcept override { return of_->holds_output(); }
    error_code shutdown_send() noexcept override { return of_->shutdown_send(); }
    void close() noexcept override { of_->close(); }
    std::string peer() const override { return of_->below().peer(); }
    std::string local() const override { return of_->below().local(); }
    ip_address peer_address() const noexcept override { return of_->below().peer_address(); }
    int native_handle() const noexcept override { return of_->below().native_handle(); }

    /// What comes may be none of the application's: a ticket, say.
    outlook look() const noexcept override
    {
        return of_->below().look() == outlook::ended ? outlook::ended : outlook::quiet;
    }
    std::size_t arrived() const noexcept override { return of_->arrived(); }
    std::size_t memory() const noexcept override { return of_->memory(); }
    duration end_timeout() const noexcept override { return of_->end_timeout(); }
    std::optional<security_info> security() const override { return of_->security(); }
    const proxy_info* proxy() const noexcept override { return of_->below().proxy(); }
    std::optional<kernel_statistics> statistics() const override
    {
        return of_->below().statistics();
    }

private:
    tls_stream* of_;
};

constexpr duration farewell_limit = std::chrono::seconds(1);

bool is_out_of_reach(const error_code& why)
{
    return why == error::cancelled || why == error::timeout || why == error::handshake_aborted ||
           why.category() != error_category();
}

tls_failure describe(const tls_stream& transport, const tls_note& note, const error_code& why)
{
    const char* const name = SSL_get_servername(transport.ssl(), TLSEXT_NAMETYPE_host_name);
    std::string text = why.message();
    if (!note.certificate.empty()) {
        text += ": " + note.certificate;
    }
    if (!note.reason.empty()) {
        text += " (OpenSSL: " + note.reason + ")";
    }
    if (transport.alert() >= 0) {
        text += std::string(" (the peer says: ") + SSL_alert_desc_string_long(transport.alert()) +
                ")";
    }
    return {.peer = transport.below().peer(),
            .server_name = printable(name != nullptr ? name : ""),
            .why = why,
            .text = std::move(text)};
}

task<> perform(tls_context::state& context, tls_stream& transport)
{
    if (context.is_server()) {
        co_await checked(transport.first_message());  // it is the client's turn to spend something
        co_await checked(context.admit());
    }
    co_await checked(transport.handshake());
}

/// Its own deadline is a handshake_timeout, one from outside is not.
task<> perform_within(duration limit, tls_context::state& context, tls_stream& transport)
{
    loop& home = co_await this_loop();
    const time_point due = add(home.now(), limit);
    auto done = co_await within(limit, perform(context, transport));
    if (done.has_error() && done.error() == error::timeout && home.now() >= due) {
        co_await fail(error::handshake_timeout);
    }
    co_await checked(std::move(done));
}

task<std::unique_ptr<stream>> shake_hands(std::shared_ptr<tls_context::state> context,
                                          std::unique_ptr<stream> below, endpoint where)
{
    const auto snapshot = context->current();
    const tls_options& options = context->options();
    tls_note note{.began = below->home().now(), .certificate{}, .reason{}};
    tls_connection_handle ssl = snapshot->begin(where, note.began);
    if (!ssl) {
        co_return error::host_not_found;
    }
    tls_attached<tls_note>::set(ssl.get(), &note);
    auto& transport = *new tls_stream(std::move(below), std::move(ssl), options.close_timeout);
    const events_reference until_here(transport);
    auto front = std::make_unique<tls_front>(transport);
    auto done = co_await perform_within(options.handshake_timeout, *context, transport);
    tls_attached<tls_note>::set(transport.ssl(), nullptr);
    if (done) {
        co_return std::move(front);
    }
    const error_code why = done.error();
    if (options.on_failure) {
        options.on_failure(describe(transport, note, why));
    }
    if (!is_out_of_reach(why)) {
        (void)co_await within(farewell_limit, transport.farewell());
    }
    co_return why;
}

}  // namespace
}  // namespace detail

// ---- the handle ---------------------------------------------------------------------------------

tls_context::tls_context(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}

tls_context tls_context::server(tls_server_options options)
{
    tls_context made(detail::make_server_state(std::move(options)));
    made.reload();
    return made;
}

tls_context tls_context::client(tls_client_options options)
{
    tls_context made(detail::make_client_state(std::move(options)));
    made.reload();
    return made;
}

task<std::unique_ptr<stream>> tls_context::operator()(std::unique_ptr<stream> below,
                                                      endpoint where) const
{
    return detail::shake_hands(state_, std::move(below), std::move(where));
}

void tls_context::reload()
{
    state_->load();
}

void tls_context::reload(std::vector<tls_certificate> certificates)
{
    state_->load(&certificates);
}

}  // namespace libnet
