#pragma once

#include "results.hpp"

#include <string>

namespace netbench {

/// Everything that was measured, on one line. The histogram is in it, so that from_json() gives back
/// what can be merged and reported again.
std::string to_json(const results& r);

/// Throws  std::runtime_error: no results of netbench's.
results from_json(const std::string& text);

}  // namespace netbench
