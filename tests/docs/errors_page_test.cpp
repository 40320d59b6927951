#include <libnet/core/error.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace {

using libnet::error;

/// The first two columns of the table's rows: "| `name` | text |".
std::vector<std::string> rows_of_the_page()
{
    std::ifstream page(ERRORS_PAGE);
    std::vector<std::string> rows;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with("| `")) {
            const std::size_t second = line.find('|', 1);
            rows.push_back(line.substr(0, line.find('|', second + 1) + 1));
        }
    }
    return rows;
}

/// What they have to be: every error in its order, with the text that message() answers.
std::vector<std::string> rows_of_the_library()
{
    std::vector<std::string> rows;
    for (int number = 1;; ++number) {
        const auto e = static_cast<error>(number);
        const std::string name = libnet::name_of(e);
        if (name == "unknown") {
            return rows;
        }
        rows.push_back("| `" + name + "` | " + make_error_code(e).message() + " |");
    }
}

TEST(ErrorsPage, ListsEveryErrorWithItsText)
{
    EXPECT_EQ(rows_of_the_page(), rows_of_the_library());
}

}  // namespace
