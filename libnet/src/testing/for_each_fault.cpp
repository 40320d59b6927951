#include <libnet/testing/for_each_fault.hpp>

#include <initializer_list>

namespace libnet::testing {
namespace {

const char* name_of(fault::kind what) noexcept
{
    switch (what) {
    case fault::kind::none: return "no fault";
    case fault::kind::short_reads: return "reads of one byte";
    case fault::kind::short_writes: return "writes of one byte";
    case fault::kind::late_writes: return "writes that wait";
    case fault::kind::narrow: return "room for three bytes";
    case fault::kind::end_of_stream: return "end of stream";
    case fault::kind::reset: return "reset";
    case fault::kind::broken_write: return "broken write";
    case fault::kind::stall: return "stall";
    }
    return "?";
}

void apply(fault::kind what, std::uint64_t after, pipe_options& pipe)
{
    switch (what) {
    case fault::kind::none: break;
    case fault::kind::short_reads: pipe.largest_read = 1; break;
    case fault::kind::short_writes: pipe.largest_write = 1; break;
    case fault::kind::late_writes: pipe.immediate_writes = false; break;
    case fault::kind::narrow: pipe.capacity = 3; break;
    case fault::kind::end_of_stream: pipe.end_after = after; break;
    case fault::kind::reset: pipe.reset_after = after; break;
    case fault::kind::broken_write: pipe.break_after = after; break;
    case fault::kind::stall: pipe.stall_after = after; break;
    }
}

}  // namespace

bool fault::struck() const noexcept
{
    return (forward.struck && *forward.struck) || (backward.struck && *backward.struck);
}

std::string fault::describe() const
{
    std::string text = name_of(what);
    if (where != direction::both) {
        text += " after byte " + std::to_string(after);
        text += where == direction::forward ? ", left to right" : ", right to left";
    }
    return text;
}

fault detail::make_fault(fault::kind what, fault::direction where, std::uint64_t after,
                         const fault_options& options)
{
    fault made{what, where, after, options.forward, options.backward};
    for (pipe_options* pipe : {&made.forward, &made.backward}) {
        pipe->struck = std::make_shared<bool>(false);
    }
    if (where != fault::direction::backward) {
        apply(what, after, made.forward);
    }
    if (where != fault::direction::forward) {
        apply(what, after, made.backward);
    }
    return made;
}

}  // namespace libnet::testing
