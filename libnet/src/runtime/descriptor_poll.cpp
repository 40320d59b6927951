#include "descriptor_poll.hpp"

#if defined(__linux__)

#include <boost/asio/post.hpp>

#include <cerrno>
#include <exception>
#include <unistd.h>

namespace libnet::detail {

namespace asio = boost::asio;

std::unique_ptr<descriptor_poll> descriptor_poll::open(asio::io_context& context,
                                                       loop& home) noexcept
{
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) {
        return nullptr;
    }
    try {
        return std::make_unique<descriptor_poll>(context, home, epoll);
    } catch (const std::exception&) {  // Asio has no memory, or its own epoll no room
        ::close(epoll);
        return nullptr;
    }
}

descriptor_poll::descriptor_poll(asio::io_context& context, loop& home, int epoll)
    : home_(home), epoll_(std::in_place, context.get_executor(), epoll)
{
    rest_.owner = this;
    rest_.run = [](work_node& node) { static_cast<rest_node&>(node).owner->rest(); };
}

error_code descriptor_poll::add(polled_descriptor& who, int descriptor,
                                std::uint32_t events) noexcept
{
    return ask(EPOLL_CTL_ADD, who, descriptor, events);
}

error_code descriptor_poll::change(polled_descriptor& who, int descriptor,
                                   std::uint32_t events) noexcept
{
    return ask(EPOLL_CTL_MOD, who, descriptor, events);
}

error_code descriptor_poll::ask(int how, polled_descriptor& who, int descriptor,
                                std::uint32_t events) noexcept
{
    epoll_event asked{.events = events | EPOLLET, .data = {.ptr = &who}};
    if (::epoll_ctl(epoll_->native_handle(), how, descriptor, &asked) != 0) {
        return {errno, boost::system::system_category()};
    }
    return {};
}

/// Also what was said of it in this turn and was not told yet.
void descriptor_poll::remove(polled_descriptor& who, int descriptor) noexcept
{
    epoll_event ignored{};
    ::epoll_ctl(epoll_->native_handle(), EPOLL_CTL_DEL, descriptor, &ignored);
    for (std::size_t i = next_; i != end_; ++i) {
        if (events_[i].data.ptr == &who) {
            events_[i].data.ptr = nullptr;
        }
    }
}

/// However a turn ends, by an exception for one, what was not told is told in another.
class descriptor_poll::turn_of_asio {
public:
    explicit turn_of_asio(descriptor_poll& poll) noexcept : poll_(poll)
    {
        poll_.asio_ = state::tells;
    }
    turn_of_asio(const turn_of_asio&) = delete;
    turn_of_asio& operator=(const turn_of_asio&) = delete;
    ~turn_of_asio()
    {
        poll_.asio_ = state::idle;
        if (poll_.waiting_ != 0 || poll_.next_ != poll_.end_) {
            poll_.let_asio_wait();
        }
    }

private:
    descriptor_poll& poll_;
};

/// Its memory is lent, so this cannot fail for want of it.
void descriptor_poll::let_asio_wait() noexcept
{
    asio_ = state::waits;
    lent_memory_handler woken{&asio_operation_, [this](const error_code&) {
                                  const turn_of_asio this_turn(*this);
                                  tell();
                              }};
    if (next_ != end_) {
        asio::post(epoll_->get_executor(), lent_memory_handler{&asio_operation_, [woken]() mutable {
                                                                   woken(error_code());
                                                               }});
    } else {
        epoll_->async_wait(asio::posix::descriptor_base::wait_read, std::move(woken));
    }
}

void descriptor_poll::tell()
{
    if (next_ == end_) {
        look_for_events();
    }
    if (next_ == end_) {
        return;
    }
    loop::turn this_turn(home_);
    for (;;) {
        const std::uint32_t said = events_[next_].events;
        void* const of = events_[next_++].data.ptr;
        if (of != nullptr) [[likely]] {
            tell(*static_cast<polled_descriptor*>(of), said);
        }
        if (next_ == end_) {
            break;
        }
        this_turn.end_and_begin();
    }
}

/// What is told first may be the end of who is told.
void descriptor_poll::tell(polled_descriptor& who, std::uint32_t said)
{
    constexpr std::uint32_t the_end = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;
    if ((said & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) [[unlikely]] {
        epoll_event& again = events_[--next_];  // so that remove() finds it
        who.on_room();
        ++next_;
        if (again.data.ptr == nullptr) {
            return;
        }
    }
    if ((said & (EPOLLIN | the_end)) != 0) [[likely]] {
        who.on_input((said & the_end) != 0);
    }
}

void descriptor_poll::look_for_events() noexcept
{
    const int count =
        ::epoll_wait(epoll_->native_handle(), events_.data(), static_cast<int>(events_.size()), 0);
    next_ = 0;
    end_ = count > 0 ? static_cast<std::size_t>(count) : 0;
}

/// Nobody waits, or somebody does again.
void descriptor_poll::rest() noexcept
{
    if (waiting_ == 0 && asio_ == state::waits) {
        error_code ignored;
        epoll_->cancel(ignored);
    }
}

void descriptor_poll::end() noexcept
{
    while (!living_.empty()) {
        living_.pop_front().on_poll_end();
    }
    epoll_.reset();
}

}  // namespace libnet::detail

#endif
