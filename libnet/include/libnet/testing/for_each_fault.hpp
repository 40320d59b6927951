#pragma once

#include <libnet/core/config.hpp>
#include <libnet/core/literals.hpp>
#include <libnet/testing/stream_pair.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace libnet::testing {

/// One thing that goes wrong with the stream between two peers.
struct LIBNET_ASIO_TESTING_DECL fault {
    /// What goes wrong.
    enum class kind {
        none,
        short_reads,    ///< one byte at a time is read
        short_writes,   ///< one byte at a time is taken
        late_writes,    ///< every write has to wait
        narrow,         ///< three bytes fit in between
        end_of_stream,  ///< the reader meets the end; the writer does not know
        reset,          ///< the reader meets a reset
        broken_write,   ///< the writer meets a broken pipe; the reader does not know
        stall,          ///< nothing more comes, and no end
    };

    /// Forward is from left to right.
    enum class direction { forward, backward, both };

    kind what = kind::none;             ///< nothing: the run without a fault
    direction where = direction::both;  ///< which way it goes wrong
    std::uint64_t after = 0;            ///< so many bytes of that direction

    /// What to hand to simulation::connect() or stream_pair.
    pipe_options forward{};
    pipe_options backward{};

    /// Whether it made a difference so far.
    bool struck() const noexcept;

    /// "reset after byte 12, left to right"
    std::string describe() const;
};

/// What the connection is like, and which faults are tried.
struct fault_options {
    /// What each direction is like apart from the faults.
    pipe_options forward{};
    pipe_options backward{};

    /// Faults strike after each of so many first bytes; then in steps of a sixteenth.
    std::uint64_t every_byte_up_to = 4_KiB;
};

namespace detail {

LIBNET_ASIO_TESTING_DECL fault make_fault(fault::kind what, fault::direction where,
                                          std::uint64_t after, const fault_options& options);

}  // namespace detail

/// Runs `scenario` without a fault, then with each that a stream can have: short reads and writes
/// first, then the end of the stream, a reset, a broken write and a stall after every byte of each
/// direction, until the scenario ends without having met it.
///
///     for_each_fault([](const fault& f) {
///         SCOPED_TRACE(f.describe());
///         simulation sim;
///         const connection_options patient{.idle_timeout = 30s};   // a silence must end, too
///         auto [client, peer] = sim.connect(patient, patient, f.forward, f.backward);
///         sim.start(my_session(peer));
///         (void)sim.run(my_client(client));
///         sim.advance(1min);                       // longer than every deadline
///         EXPECT_EQ(sim.running(), 0U);            // whatever happens, the session ends
///     });
///
/// A scenario that returns false ends the tour.
///
/// Returns  false if the scenario ended it.
/// Cost     about eight runs for each byte that goes over the stream.
template <std::invocable<const fault&> Scenario>
bool for_each_fault(Scenario&& scenario, const fault_options& options = {})
{
    using kind = fault::kind;
    using direction = fault::direction;
    const auto goes_on = [&](const fault& f) {
        if constexpr (std::is_void_v<std::invoke_result_t<Scenario&, const fault&>>) {
            scenario(f);
            return true;
        } else {
            return static_cast<bool>(scenario(f));
        }
    };

    for (const kind what :
         {kind::none, kind::short_reads, kind::short_writes, kind::late_writes, kind::narrow}) {
        if (!goes_on(detail::make_fault(what, direction::both, 0, options))) {
            return false;
        }
    }
    for (const kind what : {kind::end_of_stream, kind::reset, kind::broken_write, kind::stall}) {
        for (const direction where : {direction::forward, direction::backward}) {
            for (std::uint64_t after = 0;;) {
                const fault f = detail::make_fault(what, where, after, options);
                if (!goes_on(f)) {
                    return false;
                }
                if (!f.struck()) {
                    break;
                }
                after += after < options.every_byte_up_to ? 1 : after / 16 + 1;
            }
        }
    }
    return true;
}

/// Runs `scenario(0)`, `scenario(1)`, ... for as long as it answers true: "I was disturbed at this
/// step". For faults that the code under test counts itself: the n-th step of a simulation at which
/// something is cancelled, the n-th allocation that fails.
///
///     for_each_step([](std::size_t n) {
///         simulation sim;
///         ...
///         while (n > 0 && sim.step()) {
///             --n;
///         }
///         sim.cancel();
///         ...
///         return n == 0;
///     });
///
/// Returns  how many steps the undisturbed scenario has.
template <std::predicate<std::size_t> Scenario>
std::size_t for_each_step(Scenario&& scenario)
{
    std::size_t step = 0;
    while (scenario(step)) {
        ++step;
    }
    return step;
}

}  // namespace libnet::testing
