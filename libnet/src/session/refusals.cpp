#include "refusals.hpp"

#include <libnet/framing/raw.hpp>
#include <libnet/runtime/within.hpp>

#include <boost/system/system_error.hpp>

#include <new>
#include <utility>

namespace libnet::detail {
namespace {

/// All clients get the same bytes: this is the first message of each.
std::string frame_of(std::string_view message, any_framing framing)
{
    if (message.empty()) {
        return {};
    }
    envelope around;
    framing.encode(as_bytes(message), around);
    if (around.refusal != error{}) {
        throw boost::system::system_error(around.refusal, "server_options::refusal");
    }
    return to_string(around.head).append(message).append(as_text(around.tail));
}

}  // namespace

/// One of those who linger, however that ends.
class refusals::seat {
public:
    explicit seat(refusals& of) noexcept : of_(&of) { ++of.lingering_; }
    seat(seat&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    seat& operator=(seat&&) = delete;
    ~seat()
    {
        if (of_ != nullptr) {
            --of_->lingering_;
        }
    }

private:
    refusals* of_;
};

refusals::refusals(std::string_view message, any_framing framing, std::function<void()> on_gone)
    : frame_(frame_of(message, std::move(framing))), on_gone_(std::move(on_gone))
{
}

void refusals::turn_away(group& tasks, std::unique_ptr<stream> client)
{
    if (!frame_.empty() && lingering_ < most_lingering) {
        seat place(*this);
        connection peer(std::move(client), {.framing = raw(), .close_timeout = linger});
        tasks.start(linger_with(std::move(peer), std::move(place)));
        return;
    }
    if (!frame_.empty()) {
        const bytes frame = as_bytes(frame_);
        (void)client->try_write({&frame, 1});
        (void)client->shutdown_send();
    }
    client->close();
}

task<> refusals::linger_with(connection client, seat)
{
    try {
        (void)co_await client.send(frame_);
        (void)co_await shielded(never, client.close());
    } catch (const std::bad_alloc&) {  // then its destructor closes it
    }
    on_gone_();
}

}  // namespace libnet::detail
