#include <libnet/testing/simulation.hpp>

#include "../session/serve_and_close.hpp"

#include <libnet/asio.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <deque>
#include <utility>

namespace libnet::testing {

struct simulation::context {
    asio::io_context io{1};
};

struct simulation::started {
    asio::cancellation_signal cancel;
    std::optional<result<>> outcome;
    std::exception_ptr thrown;
};

/// Connections end when the loop does, but after the tasks that use them.
struct simulation::belongings : libnet::detail::work_node {
    belongings()
    {
        run = [](work_node& node) { static_cast<belongings&>(node).connections.clear(); };
    }
    std::deque<connection> connections;  // does not move what it holds
};

simulation::simulation()
    : belongings_(std::make_unique<belongings>()),
      context_(std::make_unique<context>()),
      loop_(&loop_of(context_->io))
{
    loop_->use_clock(clock_);
    network_ = std::make_unique<simulated_network>(*loop_);
    loop_->use_network(network_->here());
    loop_->seed(0);
    loop_->keep_to_one_thread();
    loop_->at_shutdown(*belongings_);
}

simulation::~simulation() = default;

void simulation::seed(std::uint64_t start)
{
    loop_->seed(start);
    network_->seed(start);
}

connection_pair simulation::connect(connection_options left, connection_options right,
                                    pipe_options forward, pipe_options backward)
{
    stream_pair between(*loop_, std::move(forward), std::move(backward));
    return connect(between, std::move(left), std::move(right));
}

connection_pair simulation::connect(stream_pair& between, connection_options left,
                                    connection_options right)
{
    auto& all = belongings_->connections;
    connection& first = all.emplace_back(between.take_left(), std::move(left));
    connection& second = all.emplace_back(between.take_right(), std::move(right));
    return {first, second};
}

void simulation::start(task<> body)
{
    auto entry = std::make_shared<started>();
    started_.push_back(entry);
    spawn(*loop_, std::move(body),
          asio::bind_cancellation_slot(entry->cancel.slot(),
                                       [entry](std::exception_ptr thrown, result<> outcome) {
                                           entry->thrown = thrown;
                                           entry->outcome = outcome;
                                       }));
}

void simulation::serve(connection& peer, std::function<task<>(connection&)> session)
{
    start(libnet::detail::serve_and_close(peer, std::move(session)));
}

std::size_t simulation::running() const noexcept
{
    return static_cast<std::size_t>(
        std::count_if(started_.begin(), started_.end(), [](const auto& s) { return !s->outcome; }));
}

std::optional<result<>> simulation::outcome(std::size_t n) const
{
    const started& entry = *started_.at(n);
    if (entry.thrown) {
        std::rethrow_exception(entry.thrown);
    }
    return entry.outcome;
}

void simulation::cancel()
{
    const loop::turn this_turn(*loop_);
    for (const auto& entry : started_) {
        entry->cancel.emit(asio::cancellation_type::terminal);
    }
}

void simulation::settle()
{
    do {
        context_->io.restart();
        while (context_->io.poll() != 0) {}
    } while (clock_.next_due() <= now() && next_timer(now()));
}

void simulation::advance(duration time)
{
    const time_point end = add(now(), time);
    settle();
    while (next_timer(end)) {
        settle();
    }
}

bool simulation::next_timer(time_point limit)
{
    const loop::turn this_turn(*loop_);
    return clock_.step(limit);
}

bool simulation::step()
{
    loop_->set_turn_limit(1);
    context_->io.restart();
    const bool did = context_->io.poll_one() != 0 ||
                     (clock_.next_due() != end_of_time && next_timer(clock_.next_due()));
    loop_->set_turn_limit(1024);
    return did;
}

bool simulation::pass_time()
{
    return clock_.next_due() != end_of_time && next_timer(clock_.next_due());
}

}  // namespace libnet::testing
