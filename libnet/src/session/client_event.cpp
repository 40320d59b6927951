#include <libnet/session/client_event.hpp>

#include <chrono>

namespace libnet {
namespace {

/// "170 ms", "1.7 s", "30 s"
std::string in_words(duration wait)
{
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
    if (ms < 1000) {
        return std::to_string(ms) + " ms";
    }
    const auto tenths = ms / 100;
    const std::string whole = std::to_string(tenths / 10);
    return (tenths % 10 == 0 ? whole : whole + '.' + std::to_string(tenths % 10)) + " s";
}

std::string reasons(const client_event& e)
{
    std::string text = e.why.message();
    if (e.tried.size() == 1 && e.tried.front().why == e.why) {
        return text + " (" + e.tried.front().address + ')';
    }
    const char* before = " (";
    for (const failed_address& tried : e.tried) {
        text += before + tried.address + ": " + tried.why.message();
        before = "; ";
    }
    return e.tried.empty() ? text : text + ')';
}

std::string what_next(const client_event& e)
{
    return e.pause ? "; again in " + in_words(*e.pause) : "; no other attempt";
}

}  // namespace

std::string client_event::text() const
{
    switch (what) {
    case kind::connecting: return "connecting to " + where;
    case kind::connected:
        return "connected to " + where + (peer == where ? "" : " (" + peer + ')');
    case kind::failed:
        return "cannot connect to " + where + ": " + reasons(*this) + what_next(*this);
    case kind::ended:
        return "the session with " + where + " has ended: " + why.message() + what_next(*this);
    case kind::stopped:
        return "done with " + where + (why ? ": " + why.message() : std::string());
    }
    return where;
}

}  // namespace libnet
