// A session as a row of table `session`, and back. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/session_figures.hpp"
#include "core/rowing/stream.hpp"
#include "server/ledger/sessions.hpp"
#include "server/timeseries/native.hpp"

namespace boathouse::timeseries {

// The sort key of table `session`.
struct SessionKey {
  base::Uuid athlete;
  std::int64_t started_ms = 0;
  base::Uuid session;

  auto operator<=>(const SessionKey&) const = default;
};

// Begins when the recording whose samples count began (without samples: of the first stream that there is). Requires a
// session with recordings.
SessionKey session_key(const ledger::SessionState& session);

// The recording whose records of a stream count; nullptr: there are none.
const ledger::RecordingState* primary_recording(const ledger::SessionState& session, rowing::Stream stream);

// Records of the recordings that count, which a seal or a later record promises and nobody has: what retention removed
// is not missing.
std::uint64_t missing_records(const ledger::SessionState& session);

// Appends a row; the first makes the columns. `version`: of two rows with one key the one with the larger counts.
void add_session_row(NativeBlock& block, const ledger::SessionState& session, const rowing::SessionFigures& figures,
                     std::int64_t version);
// The row with that key is no more.
void add_tombstone(NativeBlock& block, const SessionKey& key, std::int64_t version);

// Rows of table `session` from its column `packed`. corrupt: not one that this version of the tables has.
base::Result<NativeBlock> unpack_sessions(std::span<const std::string> packed);

// Figures for the ledger to keep, in a form of their own; corrupt: not one that pack_figures() gave.
base::Bytes pack_figures(const rowing::SessionFigures& figures);
base::Result<rowing::SessionFigures> unpack_figures(base::ByteView packed);

// Requires all columns of table `session`.
rowing::SessionFigures figures_of(const NativeBlock& sessions, std::size_t row);

}  // namespace boathouse::timeseries
