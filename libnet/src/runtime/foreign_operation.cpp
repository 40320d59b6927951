#include <libnet/asio/foreign_operation.hpp>

#include <boost/asio/multiple_exceptions.hpp>
#include <boost/system/system_error.hpp>

namespace libnet::detail {

bool is_aborted(const std::exception_ptr& thrown) noexcept
{
    try {
        std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& caught) {
        return is_aborted(caught.code());
    } catch (const asio::multiple_exceptions& caught) {  // of Asio's awaitable operators
        return is_aborted(caught.first_exception());
    } catch (...) {
        return false;
    }
}

}  // namespace libnet::detail
