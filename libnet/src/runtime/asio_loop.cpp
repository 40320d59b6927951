#include "asio_loop.hpp"

#include "descriptor_poll.hpp"
#include "loop_service.hpp"

#include <boost/asio/post.hpp>

#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace libnet::detail {

namespace asio = boost::asio;

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
            auto read = [self = shared_from_this()] { self->empty(); };
            if (const auto* strand = home_->strand()) {
                asio::post(*strand, std::move(read));
            } else {
                asio::post(home_->context_, std::move(read));
            }
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

asio_loop::asio_loop(loop_service& service, asio::io_context& context,
                     std::optional<known_strand> strand)
    : loop(clock_),
      service_(service),
      context_(context),
      strand_(std::move(strand)),
      clock_(context, *this),
      mailbox_(std::make_shared<asio_mailbox>(*this))
{
}

asio_loop::~asio_loop() = default;

descriptor_poll* asio_loop::poll() noexcept
{
#if defined(__linux__)
    if (!poll_ && !strand_ && !shutting_down()) {
        poll_ = descriptor_poll::open(context_, *this);
    }
#endif
    return shutting_down() ? nullptr : poll_.get();
}

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
    if (strand_) {
        asio::post(strand_->executor, [self = shared_from_this()] {
            self->awake_ = false;
            self->run_deferred();
        });
        return;
    }
    asio::post(context_, lent_memory_handler{&waking_, [this] {
                                                 awake_ = false;
                                                 run_deferred();
                                             }});
}

void asio_loop::emptied() noexcept
{
    loop::emptied();
    leave_if_empty();
}

void asio_loop::leave_if_empty() noexcept
{
    if (!strand_ || shutting_down()) {
        return;
    }
    try {
        asio::post(strand_->executor, [self = shared_from_this()] {
            // Fibers: some that nobody waits for are not counted.
            if (self->empty() && self->fibers().empty() && !self->shutting_down()) {
                self->mailbox_->close();
                self->service_.remove(*self->strand_);
            }
        });
    } catch (const std::bad_alloc&) {  // it stays, and is found again
    }
}

void asio_loop::end() noexcept
{
    mailbox_->close();
    destroy_fibers();
#if defined(__linux__)
    if (poll_) {
        poll_->end();
    }
#endif
    clock_.rest();
    strand_.reset();  // while it can still be let go
}

}  // namespace libnet::detail
