#include <libnet/runtime/stall_report.hpp>

#include <chrono>

namespace libnet {
namespace {

std::string to_text(const std::vector<std::source_location>& trace)
{
    std::string text;
    for (const std::source_location& place : trace) {
        text += (text.empty() ? "" : " < ") + std::string(place.file_name()) + ':' +
                std::to_string(place.line());
    }
    return text;
}

}  // namespace

std::string stall_report::text() const
{
    const auto rounded = std::chrono::round<std::chrono::milliseconds>(lasted);
    const bool is_task = !from.empty() || !to.empty();
    const std::string who = !session.empty() ? session : is_task ? "a task" : "no task, but libnet";
    std::string line = who + " kept the loop for " + std::to_string(rounded.count()) + " ms";
    if (is_task) {
        line += ", from " + (from.empty() ? "its beginning" : to_text(from));
        line += " to " + (to.empty() ? "its end" : to_text(to));
    }
    return line;
}

}  // namespace libnet
