#include "asio_loop.hpp"

#include <libnet/asio.hpp>

#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <boost/system/system_error.hpp>

#include <mutex>
#include <random>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace libnet {
namespace detail {

boost::asio::execution_context::id asio_loop::id;

/// Letters wait here and not in the context, so that whoever writes one needs no living context.
class asio_loop::asio_mailbox final : public mailbox,
                                      public std::enable_shared_from_this<asio_mailbox> {
public:
    explicit asio_mailbox(asio_loop& home) : home_(&home) {}

    bool post(std::function<void()> work) override
    {
        const std::lock_guard lock(mutex_);
        if (home_ == nullptr) {
            return false;
        }
        if (letters_
                .empty()) {  // first, since without memory it throws: no letter without a reader
            asio::post(home_->context_, [self = shared_from_this()] { self->empty(); });
        }
        letters_.push_back(std::move(work));
        return true;
    }

    void close()
    {
        std::vector<std::function<void()>> unread;
        const std::lock_guard lock(mutex_);
        home_ = nullptr;
        unread.swap(letters_);
    }

private:
    void empty()
    {
        std::vector<std::function<void()>> letters;
        loop* home = nullptr;
        {
            const std::lock_guard lock(mutex_);
            letters.swap(letters_);
            home = home_;
        }
        if (home != nullptr) {
            const loop::turn this_turn(*home);
            for (auto& letter : letters) {
                letter();
            }
        }
    }

    std::mutex mutex_;
    asio_loop* home_;
    std::vector<std::function<void()>> letters_;
};

asio_loop::asio_loop(boost::asio::execution_context& owner)
    : service(owner),
      loop(clock_),
      context_(static_cast<boost::asio::io_context&>(owner)),
      clock_(context_, *this),
      mailbox_(std::make_shared<asio_mailbox>(*this))
{
    seed(std::random_device{}());
}

asio_loop::~asio_loop() = default;

std::shared_ptr<mailbox> asio_loop::remote()
{
    return mailbox_;
}

void asio_loop::wake() noexcept
{
    if (awake_ || shutting_down()) {
        return;
    }
    awake_ = true;
    asio::post(context_, lent_memory_handler{&waking_, [this] {
                                                 awake_ = false;
                                                 run_deferred();
                                             }});
}

void asio_loop::shutdown()
{
    mailbox_->close();
    destroy_fibers();
    clock_.rest();
}

bool is_aborted(const std::exception_ptr& thrown) noexcept
{
    try {
        std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& caught) {
        return is_aborted(caught.code());
    } catch (const asio::multiple_exceptions& caught) {  // of Asio's awaitable operators
        return is_aborted(caught.first_exception());
    } catch (...) {
        return false;
    }
}

}  // namespace detail

loop& loop_of(asio::io_context& context)
{
    return asio::use_service<detail::asio_loop>(context);
}

loop& loop_of(const asio::any_io_executor& executor)
{
    using plain = asio::io_context::executor_type;
    using counting = std::decay_t<decltype(asio::require(
        std::declval<plain>(), asio::execution::outstanding_work.tracked))>;
    if (const auto* direct = executor.target<plain>()) {
        return loop_of(direct->context());
    }
    if (const auto* counted = executor.target<counting>()) {
        return loop_of(counted->context());
    }
    if (const auto* strand = executor.target<asio::strand<plain>>()) {
        return loop_of(strand->get_inner_executor().context());
    }
    if (const auto* strand = executor.target<asio::strand<asio::any_io_executor>>()) {
        return loop_of(strand->get_inner_executor());
    }
    throw std::invalid_argument("libnet: this executor is not that of a boost::asio::io_context");
}

asio::io_context& context_of(loop& l)
{
    return static_cast<detail::asio_loop&>(l).context();
}

}  // namespace libnet
