#include <libnet/session/refusal.hpp>

namespace libnet {

std::string refusal_report::text() const
{
    return reason.message() + " (" + name_of(limit) + ')';
}

}  // namespace libnet
