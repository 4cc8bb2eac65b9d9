// The loader's half of the reader: which chunks the next load block is made of. The reading is done here, so that the
// writer, which acknowledgements wait for, only checks and writes.
#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include "server/ledger/block_token.hpp"
#include "server/ledger/reader.hpp"
#include "server/ledger/rows.hpp"

namespace boathouse::ledger {
namespace {

// Every chunk of a block is a row to remove, every recording one to mark, and acknowledgements wait meanwhile. A
// backlog's chunks of 256 records are still more than a million rows.
constexpr int kMaxBlockChunks = 5'000;
constexpr std::size_t kMaxBlockRecordings = 2'500;

}  // namespace

using base::Result;

Result<std::optional<BlockPlan>> Reader::next_block(std::uint64_t max_records, std::size_t max_bytes,
                                                    std::int64_t after, std::optional<std::int64_t> before) {
  {
    auto select = connection_.prepare("SELECT block_id FROM load_block WHERE block_id > ?1 ORDER BY block_id LIMIT 1");
    if (!select) {
      return select.error();
    }
    const auto row = select->bind(1, after).step();
    if (!row) {
      return row.error();
    }
    if (*row) {
      BlockPlan made;
      made.block_id = select->integer(0);
      return std::optional(std::move(made));
    }
  }
  return plan_block(max_records, max_bytes, before.value_or(std::numeric_limits<std::int64_t>::max()));
}

Result<std::optional<BlockPlan>> Reader::plan_block(std::uint64_t max_records, std::size_t max_bytes,
                                                    std::int64_t before) {
  const auto found = oldest_gap();
  if (!found) {
    return found.error();
  }
  if (!*found || (*found)->first_seq >= before) {
    return std::optional<BlockPlan>();
  }
  const Gap& gap = **found;
  BlockPlan plan;
  plan.stream = gap.stream;
  plan.round = gap.round;
  plan.first_seq = gap.first_seq;
  BlockToken token(gap.stream, gap.round);
  auto select = connection_.prepare(
      "SELECT unloaded.server_seq, records, unloaded.size, rec_id, from_seq, to_seq, sha256 "
      "FROM unloaded JOIN chunk USING (rec_id, stream, from_seq) "
      "WHERE stream = ?1 AND round = ?2 AND unloaded.server_seq >= ?3 AND unloaded.server_seq < ?4 AND " +
      is_kept("unloaded") + " ORDER BY unloaded.server_seq LIMIT ?5");
  if (!select) {
    return select.error();
  }
  select->bind(1, gap.stream).bind(2, gap.round).bind(3, gap.first_seq).bind(4, std::min(gap.end_seq, before));
  select->bind(5, kMaxBlockChunks);
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::set<base::Uuid> recordings;
  while (true) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      break;
    }
    records += static_cast<std::uint64_t>(select->integer(1));
    bytes += static_cast<std::uint64_t>(select->integer(2));
    const base::Uuid rec_id = uuid_of(select->blob(3));
    recordings.insert(rec_id);
    if (plan.chunks > 0 && (records > max_records || bytes > max_bytes || recordings.size() > kMaxBlockRecordings)) {
      break;
    }
    ++plan.chunks;
    plan.last_seq = select->integer(0);
    token.add(rec_id, static_cast<std::uint64_t>(select->integer(4)), static_cast<std::uint64_t>(select->integer(5)),
              digest_of(select->blob(6)));
  }
  plan.token = token.finish();
  return std::optional(std::move(plan));
}

// Of each stream and round the first chunk that is in no block; of those the oldest. As many statements as there are
// streams and blocks, however long the backlog is.
Result<std::optional<Reader::Gap>> Reader::oldest_gap() {
  auto lines = connection_.prepare(
      "SELECT stream, round FROM unloaded WHERE (stream, round) > (?1, ?2) ORDER BY stream, round LIMIT 1");
  auto blocks = connection_.prepare(
      "SELECT first_seq, last_seq FROM load_block WHERE stream = ?1 AND round = ?2 ORDER BY first_seq");
  auto chunks =
      connection_.prepare("SELECT server_seq FROM unloaded WHERE stream = ?1 AND round = ?2 AND server_seq > ?3 AND " +
                          is_kept("unloaded") + " ORDER BY server_seq LIMIT 1");
  for (const auto* statement : {&lines, &blocks, &chunks}) {
    if (!*statement) {
      return statement->error();
    }
  }
  std::optional<Gap> oldest;
  Gap line{-1, -1, 0, 0};
  while (true) {
    const auto another = lines->bind(1, line.stream).bind(2, line.round).step();
    if (!another) {
      return another.error();
    }
    if (!*another) {
      return oldest;
    }
    line.stream = lines->integer(0);
    line.round = lines->integer(1);
    lines->reset();
    blocks->bind(1, line.stream).bind(2, line.round);
    std::int64_t passed = 0;  // up to here all are in blocks
    while (true) {
      const auto block = blocks->step();
      if (!block) {
        return block.error();
      }
      const auto chunk = chunks->bind(1, line.stream).bind(2, line.round).bind(3, passed).step();
      if (!chunk) {
        return chunk.error();
      }
      line.first_seq = *chunk ? chunks->integer(0) : 0;
      line.end_seq = *block ? blocks->integer(0) : std::numeric_limits<std::int64_t>::max();
      passed = *block ? blocks->integer(1) : passed;
      const bool is_free = *chunk && line.first_seq < line.end_seq;
      chunks->reset();
      if (is_free && (!oldest || line.first_seq < oldest->first_seq)) {
        oldest = line;
      }
      if (is_free || !*block || line.first_seq == 0) {
        break;
      }
    }
    blocks->reset();
  }
}

}  // namespace boathouse::ledger
