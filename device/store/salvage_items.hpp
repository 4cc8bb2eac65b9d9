// The items of a damaged store after each was checked against its body. Only for the sources of this folder.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/db/damaged_file.hpp"
#include "core/rowing/edit.hpp"
#include "core/rowing/recording.hpp"
#include "core/wire/batch.hpp"
#include "device/store/salvage.hpp"
#include "device/store/salvage_findings.hpp"

namespace boathouse::store {

struct SavedChunk {
  FoundItem item;                    // of its stream, range and hash
  std::optional<db::RowPlace> body;  // nullopt: it is not here
  bool damaged = false;              // it should be
  bool sure = true;                  // row and index say the same; false: only one of them says whose it is
};

struct SavedText {  // birth, seal or edit: the bytes that were made of it
  std::string json;
  base::Digest sha256{};
};

struct SavedSeal : SavedText {
  rowing::Seal seal;
};

struct SavedEdit : SavedText {
  rowing::Edit edit;
  rowing::Stamp effective;
};

// What belongs to one recording.
struct SavedRecording {
  std::optional<FoundRecording> entry;
  std::optional<base::Uuid> rec_id;  // nullopt: nothing says it
  std::optional<rowing::Birth> birth;
  SavedText birth_text;
  std::vector<SavedChunk> chunks;
  std::vector<SavedSeal> seals;
  std::vector<SavedEdit> edits;
};

// By number. What is damaged is added to `damages`; the chunks that are, when it is known what else there is.
std::map<std::int64_t, SavedRecording> check_items(const db::DamagedFile& file, const Findings& findings,
                                                   std::vector<Damage>& damages);

// The body of a row of that table, read once more.
base::Bytes read_body(const db::DamagedFile& file, const db::RowPlace& place);

}  // namespace boathouse::store
