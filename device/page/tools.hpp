// What every action here works with. All must outlive it.
#pragma once

#include "core/base/clock.hpp"
#include "core/base/uuid.hpp"
#include "device/store/store.hpp"

namespace boathouse::page {

struct Tools {
  store::Store& store;
  base::Clock& clock;
  base::UuidV7Source& ids;
};

}  // namespace boathouse::page
