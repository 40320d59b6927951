#include "shard.hpp"

#include <libnet/runtime/group.hpp>
#include <libnet/runtime/shards.hpp>
#include <libnet/runtime/timer.hpp>
#include <libnet/runtime/within.hpp>

#include <boost/system/system_error.hpp>

#include <stdexcept>
#include <string>
#include <system_error>

namespace libnet {
namespace {

/// Which processor each thread is for: none, or those that there are, in turn.
class places {
public:
    explicit places(shards_options::placement how)
    {
        if (how == shards_options::placement::pinned) {
            allowed_ = detail::allowed_processors();
            if (allowed_.empty()) {
                throw boost::system::system_error(error::not_supported,
                                                  "threads cannot be pinned here");
            }
        }
    }

    std::optional<int> of(std::size_t shard) const
    {
        return allowed_.empty() ? std::nullopt
                                : std::optional<int>(allowed_[shard % allowed_.size()]);
    }

private:
    std::vector<int> allowed_;
};

[[noreturn]] void cannot_start(std::size_t which, std::size_t of, const error_code& why)
{
    throw boost::system::system_error(error_code(why.value(), why.category()),
                                      "cannot start shard " + std::to_string(which) + " of " +
                                          std::to_string(of));
}

void end_all(std::vector<std::unique_ptr<detail::shard>>& all) noexcept
{
    for (const auto& one : all) {
        one->begin_to_end();
    }
    for (const auto& one : all) {
        one->join();
    }
}

task<> call_body(std::shared_ptr<const std::function<task<>(std::size_t)>> body, std::size_t shard)
{
    return (*body)(shard);
}

using part_of_all =
    detail::remote_call<decltype(&call_body),
                        std::shared_ptr<const std::function<task<>(std::size_t)>>, std::size_t>;

/// Runs the body on one shard, and returns when it has ended there, whatever happens to the caller.
task<> run_there(std::shared_ptr<part_of_all> part)
{
    loop& here = co_await this_loop();
    auto ended = co_await part->end(here);
    if (part->is_under_way()) {  // we were cancelled, and so is the part
        ended = co_await shielded(never, part->end(here));
    }
    part->rethrow();
    if (!ended) {
        co_await fail(ended.error());
    }
    if (const auto answer = part->take(); !answer) {
        co_await fail(answer.error());
    }
}

}  // namespace

shards::shards(shards_options options)
{
    const std::size_t count = options.threads != 0 ? options.threads : usable_processors();
    const places place(options.place);
    shards_.reserve(count);
    try {
        for (std::size_t i = 0; i < count; ++i) {
            shards_.push_back(std::make_unique<detail::shard>(i, place.of(i)));
        }
    } catch (const std::system_error& refused) {
        end_all(shards_);
        cannot_start(shards_.size() + 1, count, refused.code());
    } catch (const boost::system::system_error& refused) {
        end_all(shards_);
        cannot_start(shards_.size() + 1, count, refused.code());
    } catch (...) {
        end_all(shards_);
        throw;
    }
}

shards::~shards()
{
    end_all(shards_);
}

std::optional<std::size_t> shards::here() const noexcept
{
    const detail::shard* const current = detail::shard::current();
    const bool ours = current != nullptr && current->index() < shards_.size() &&
                      shards_[current->index()].get() == current;
    return ours ? std::optional<std::size_t>(current->index()) : std::nullopt;
}

bool shards::post(std::size_t shard, std::function<void()> work)
{
    return mailbox_of(shard)->post([work = std::move(work)]() noexcept { work(); });
}

const std::shared_ptr<detail::mailbox>& shards::mailbox_of(std::size_t shard) const
{
    if (shard >= shards_.size()) {
        throw std::out_of_range("libnet: there is no shard " + std::to_string(shard) +
                                ", there are " + std::to_string(shards_.size()));
    }
    return shards_[shard]->box();
}

task<> shards::run_on_each(body_on_each body)
{
    auto on_all = [&](group& parts) -> task<> {
        for (std::size_t i = 0; i < size(); ++i) {
            parts.start(
                run_there(std::make_shared<part_of_all>(mailbox_of(i), &call_body, body, i)));
        }
        co_await checked(parts.join());
    };
    co_await checked(with_group(on_all));
}

}  // namespace libnet
