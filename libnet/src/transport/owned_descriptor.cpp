#include <libnet/transport/owned_descriptor.hpp>

#include <unistd.h>

namespace libnet::detail {

owned_descriptor::~owned_descriptor()
{
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

}  // namespace libnet::detail
