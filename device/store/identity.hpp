// Who this store is: made with the file, and made anew when the file turns out to be a copy of another device's.
#pragma once

#include <string_view>

#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/db/sqlite.hpp"
#include "device/store/types.hpp"

namespace boathouse::store {

// The file's own identity. A copy (its nonce is another than `nonce`, or the server said `fork`) gets a new one, and in
// the same transaction its running recordings go on under new ids: the device that it was copied from may go on with
// them too, and two devices never write the same sequence. What the copied rows hold goes with the new id, so that
// nothing is lost when that other device never comes back; where the server knows the old one, both are linked. `nonce`
// "": copies are not noticed by it.
base::Result<Identity> identify(db::Connection& connection, base::UuidV7Source& ids, base::RandomSource& random,
                                std::string_view nonce);

}  // namespace boathouse::store
