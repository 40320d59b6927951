#include <libnet/session/server.hpp>

namespace libnet {
namespace {

std::string how_it_ended(const session_report& report)
{
    if (!report.exception) {
        return report.reason.message();
    }
    try {
        std::rethrow_exception(report.exception);
    } catch (const std::exception& e) {
        return std::string("the session threw: ") + e.what();
    } catch (...) {
        return "the session threw something that is no std::exception";
    }
}

}  // namespace

std::string session_report::text() const
{
    std::string line = how_it_ended(*this);
    if (const auto count = info.messages_refused) {
        line += "; " + std::to_string(count) + (count == 1 ? " message was" : " messages were") +
                " not sent: " + info.refusal.message();
    }
    return line;
}

}  // namespace libnet
