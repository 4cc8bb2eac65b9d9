// Saves what can be read of a store whose device.db is damaged into a new one.
//
// Pure reading of the damaged folder. No call here needs a Store that is open; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"

namespace boathouse::store {

// Something that could not be taken over as it was.
struct Damage {
  std::optional<base::Uuid> rec_id;      // nullopt: of the file, or of a recording that cannot be named
  std::optional<rowing::Stream> stream;  // records [from, to) of it
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  bool from_server = false;  // the server had confirmed it: the next sync brings it back
  std::string text;          // for a person
};

struct SalvageReport {
  std::uint64_t recordings = 0;   // what the new store holds
  std::uint64_t chunks = 0;       // whose records are in it
  std::uint64_t away_chunks = 0;  // that are with the server alone, as before
  std::uint64_t rows = 0;         // records that were in no chunk yet
  std::uint64_t edits = 0;
  std::vector<Damage> damages;

  // Everything was taken over.
  [[nodiscard]] bool ok() const { return damages.empty(); }
};

// The new store is made in `output`, which is made when it is not there. It is whole and valid, with an identity of its
// own: everything waits to be sent, as no receipt of a damaged file is believed. Each item is checked: its hash, its
// range, its row's sum. What fails is in the report, and nothing else may be missing. Of a damaged chunk that the
// server had confirmed the directory's entry stays, wanted back. A recording that was running ends as crashed; one with
// a hole gets no seal that it did not have. Kept back: the receipts, the log of runs, answers to conflicts, the cap.
//
// The store comes into `output` as the last step: after an error, and when the process is killed, there is none, and
// the same call may be made again.
//
// Errors: unavailable (a process works with `folder` or `output`), io (nothing to read there; the output cannot be
// written), conflict (there is a store in `output`), no_room.
base::Result<SalvageReport> salvage(const std::string& folder, const std::string& output, base::UuidV7Source& ids,
                                    base::RandomSource& random);

// {"ok":false,"recordings":3,...,"damages":[{"recording":"rec_...","stream":"sample","from":0,"to":256,
// "from_server":true,"text":"..."}]}; what is not known is absent.
std::string to_json(const SalvageReport& report);

}  // namespace boathouse::store
