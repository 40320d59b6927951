#include "asio_loop.hpp"

#include <libnet/asio.hpp>
#include <libnet/runtime/run.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/system_error.hpp>

#include <csignal>
#include <cstdlib>
#include <optional>

namespace libnet {
namespace {

/// The first signal asks the main task to end, the second does not ask.
class signal_watch {
public:
    signal_watch(asio::io_context& context, asio::cancellation_signal& cancel)
        : signals_(context, SIGINT, SIGTERM), cancel_(cancel)
    {
        wait();
    }

    bool struck() const noexcept { return struck_; }
    void stop() { signals_.cancel(); }

private:
    void wait()
    {
        signals_.async_wait([this](error_code failed, int number) {
            if (failed) {
                return;
            }
            if (struck_) {
                std::_Exit(128 + number);
            }
            struck_ = true;
            cancel_.emit(asio::cancellation_type::terminal);
            wait();
        });
    }

    asio::signal_set signals_;
    asio::cancellation_signal& cancel_;
    bool struck_ = false;
};

void run_context(asio::io_context& context, duration spin)
{
    if (spin == duration::zero()) {
        context.run();
        return;
    }
    while (!context.stopped()) {
        const time_point give_up = std::chrono::steady_clock::now() + spin;
        while (context.poll() == 0 && std::chrono::steady_clock::now() < give_up) {}
        if (!context.stopped() && std::chrono::steady_clock::now() >= give_up) {
            context.run_one();
        }
    }
}

task<int> exit_code_of(task<> main_task)
{
    co_await checked(std::move(main_task));
    co_return 0;
}

}  // namespace

int run(task<int> main_task, run_options options)
{
    asio::io_context context(1);
    asio::cancellation_signal cancel;
    std::optional<signal_watch> signals;
    if (options.on_signal == run_options::signals::cancel_main) {
        signals.emplace(context, cancel);
    }
    std::exception_ptr exception;
    std::optional<result<int>> outcome;
    spawn(context, std::move(main_task),
          asio::bind_cancellation_slot(cancel.slot(),
                                       [&](std::exception_ptr thrown, result<int> ended) {
                                           exception = thrown;
                                           outcome = ended;
                                           if (signals) {
                                               signals->stop();
                                           }
                                       }));
    run_context(context, options.spin);
    if (exception) {
        std::rethrow_exception(exception);
    }
    if (outcome->has_error()) {
        if (outcome->error() == error::cancelled && signals && signals->struck()) {
            return EXIT_SUCCESS;
        }
        throw boost::system::system_error(outcome->error());
    }
    return **outcome;
}

int run(task<> main_task, run_options options)
{
    return run(exit_code_of(std::move(main_task)), options);
}

}  // namespace libnet
