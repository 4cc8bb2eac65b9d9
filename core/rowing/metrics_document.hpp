// docs/metrics.md, made from the catalogue. A test holds the file against it; `boathouse metrics` prints it.
#pragma once

#include <string>

namespace boathouse::rowing {

std::string metrics_document();

}  // namespace boathouse::rowing
