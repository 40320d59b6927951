#include "loop_service.hpp"
#include "strand_identity.hpp"

#include <libnet/asio/loop_of.hpp>

#include <boost/asio/prefer.hpp>
#include <boost/asio/strand.hpp>

#include <random>
#include <stdexcept>
#include <utility>

namespace libnet {
namespace detail {

boost::asio::execution_context::id loop_service::id;

loop_service::loop_service(boost::asio::execution_context& owner)
    : service(owner),
      context_(static_cast<boost::asio::io_context&>(owner)),
      own_(std::make_shared<asio_loop>(*this, context_, std::nullopt)),
      next_seed_(std::random_device{}())
{
    own_->seed(next_seed_);
}

asio_loop& loop_service::of_strand(const known_strand& strand)
{
    const std::lock_guard lock(mutex_);
    const auto found = of_strands_.find(strand.identity);
    if (found != of_strands_.end()) {
        return *found->second;
    }
    auto made = std::make_shared<asio_loop>(*this, context_, strand);
    made->seed(next_seed_ += 0x9E3779B97F4A7C15);
    asio_loop& kept = *of_strands_.emplace(strand.identity, std::move(made)).first->second;
    kept.leave_if_empty();  // unless whoever asked for it moves in
    return kept;
}

void loop_service::remove(const known_strand& strand) noexcept
{
    const std::lock_guard lock(mutex_);
    of_strands_.erase(strand.identity);
}

std::size_t loop_service::strands() const
{
    const std::lock_guard lock(mutex_);
    return of_strands_.size();
}

/// The loops themselves stay until the context's sockets have gone, which refer to them.
void loop_service::shutdown()
{
    for (const auto& [identity, home] : of_strands_) {
        home->end();
    }
    own_->end();
}

namespace {

/// Where an executor leads: to a context, and perhaps by a strand.
struct destination {
    asio::io_context* context = nullptr;
    std::optional<known_strand> strand;  // the outermost
    bool runs_here = true;
};

/// True if `executor` is an E or a strand of one.
template <class E>
bool follow(const asio::any_io_executor& executor, destination& to);

bool follow(const asio::any_io_executor& executor, destination& to)
{
    return follow<plain_executor>(executor, to) || follow<counting_executor>(executor, to) ||
           follow<asio::any_io_executor>(executor, to);
}

template <class E>
bool follow(const asio::any_io_executor& executor, destination& to)
{
    if constexpr (!std::is_same_v<E, asio::any_io_executor>) {
        if (const auto* direct = executor.target<E>()) {
            to.context = &direct->context();
            return true;
        }
    }
    if (const auto* strand = executor.target<asio::strand<E>>()) {
        if (!to.strand) {
            // A loop does not keep its context running by being there.
            to.strand = known_strand{
                asio::prefer(*strand, asio::execution::outstanding_work.untracked),
                strand_identity(*strand)};
            to.runs_here = strand->running_in_this_thread();
        }
        return follow(asio::any_io_executor(strand->get_inner_executor()), to);
    }
    return false;
}

destination where_leads(const asio::any_io_executor& executor)
{
    destination to;
    if (!follow(executor, to)) {
        throw std::invalid_argument(
            "libnet: this executor is not that of a boost::asio::io_context");
    }
    return to;
}

}  // namespace

bool runs_here(const asio::any_io_executor& executor)
{
    return where_leads(executor).runs_here;
}

}  // namespace detail

loop& loop_of(asio::io_context& context)
{
    return asio::use_service<detail::loop_service>(context).own();
}

loop& loop_of(const asio::any_io_executor& executor)
{
    const detail::destination to = detail::where_leads(executor);
    auto& loops = asio::use_service<detail::loop_service>(*to.context);
    if (!to.strand) {
        return loops.own();
    }
    if (!to.runs_here) {
        throw std::logic_error(
            "libnet: what belongs to a strand is made on the strand: use spawn() or asio::dispatch");
    }
    return loops.of_strand(*to.strand);
}

std::size_t strand_loops(asio::io_context& context)
{
    return asio::use_service<detail::loop_service>(context).strands();
}

asio::io_context& context_of(loop& l)
{
    return static_cast<detail::asio_loop&>(l).context();
}

asio::any_io_executor executor_of(loop& l)
{
    return static_cast<detail::asio_loop&>(l).executor();
}

}  // namespace libnet
