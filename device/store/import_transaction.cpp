// One file's recordings in one transaction: records are sealed as they come, without passing through open rows.
#include <string>
#include <utility>

#include "device/store/row_codec.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {

struct ImportTransaction::Impl {
  struct OpenStream {
    StreamRow row;
    ChunkCut cut;
    std::vector<rowing::Record> records;  // from row.sealed_to on
  };

  Store::Impl& store;
  std::unique_lock<std::mutex> lock;  // before the transaction: given back after its roll-back
  db::Connection& connection;
  db::Transaction transaction;
  base::Digest source_sha256;
  std::int64_t part = 0;
  std::optional<RecordingRow> recording;
  std::map<rowing::Stream, OpenStream> streams;

  base::Status seal(rowing::Stream stream, OpenStream& open);
  base::Status end();
};

base::Status ImportTransaction::Impl::seal(rowing::Stream stream, OpenStream& open) {
  if (open.records.empty()) return {};
  auto chunk = wire::seal_chunk(stream, open.row.sealed_to, open.records);
  if (!chunk) return chunk.error();
  BOATHOUSE_TRY(put_chunk(connection, recording->id, *chunk));
  open.row.sealed_to = chunk->to;
  open.records.clear();
  open.cut.restart();
  return {};
}

base::Status ImportTransaction::Impl::end() {
  if (!recording) return {};
  for (auto& [stream, open] : streams) {
    BOATHOUSE_TRY(seal(stream, open));
    BOATHOUSE_TRY(put_stream(connection, recording->id, stream, open.row));
  }
  BOATHOUSE_TRY(put_seal(connection, *recording, rowing::EndReason::end_of_input));
  recording.reset();
  streams.clear();
  return {};
}

base::Result<ImportTransaction> Store::begin_import(const base::Digest& source_sha256) {
  std::unique_lock lock(impl_->mutex);
  BOATHOUSE_TRY(impl_->check_there());
  BOATHOUSE_TRY(impl_->make_room());
  auto transaction = db::Transaction::begin(impl_->connection);
  if (!transaction) return transaction.error();
  return ImportTransaction(std::unique_ptr<ImportTransaction::Impl>(new ImportTransaction::Impl{
      *impl_, std::move(lock), impl_->connection, std::move(*transaction), source_sha256, 0, std::nullopt, {}}));
}

ImportTransaction::ImportTransaction(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ImportTransaction::ImportTransaction(ImportTransaction&&) noexcept = default;
ImportTransaction::~ImportTransaction() = default;

base::Status ImportTransaction::begin(const rowing::Birth& birth, std::string_view athlete) {
  BOATHOUSE_TRY(impl_->end());
  auto recording = begin_recording(impl_->connection, birth, athlete);
  if (!recording) return recording.error();
  auto insert = impl_->connection.prepare("INSERT INTO import(source_sha256, part, recording) VALUES (?1, ?2, ?3)");
  if (!insert) return insert.error();
  BOATHOUSE_TRY(
      insert->bind(1, base::ByteView(impl_->source_sha256)).bind(2, impl_->part++).bind(3, recording->id).run());
  impl_->recording = std::move(*recording);
  return {};
}

base::Status ImportTransaction::append(rowing::Record record) {
  if (!impl_->recording) return base::Error{base::ErrorCode::internal, "a record before the recording was begun"};
  BOATHOUSE_TRY(check_record(record));
  Impl::OpenStream& open = impl_->streams[record.stream];
  if (!open.cut.take(record)) {
    BOATHOUSE_TRY(impl_->seal(record.stream, open));
    open.cut.take(record);
  }
  ++open.row.next_seq;
  open.records.push_back(std::move(record));
  return {};
}

base::Status ImportTransaction::commit() {
  BOATHOUSE_TRY(impl_->end());
  BOATHOUSE_TRY(impl_->transaction.commit());
  impl_->lock.unlock();
  impl_->store.look();
  return {};
}

}  // namespace boathouse::store
