// Uploads from files: whatever happens to files, tasks and answers, what the server has no receipt for stays pending.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/hex.hpp"
#include "core/wire/batch.hpp"
#include "device/capi/boathouse_device.h"
#include "device/capi/test_peer.h"
#include "device/capi/upload_files.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::capi {
namespace {

namespace fs = std::filesystem;
using store::ok;

class UploadsTest : public testing::Test {
 protected:
  ~UploadsTest() override { test_server_free(server); }

  // With `blocks` of 60 KiB that do not compress, so that it fills several files.
  base::Uuid add_recording(std::size_t samples, std::size_t blocks = 0) {
    const rowing::Birth birth = store::make_birth(store.ids);
    EXPECT_TRUE(ok(store->begin(birth, "anna")));
    EXPECT_TRUE(ok(store->append(birth.rec_id, store::make_samples(0, samples))));
    for (std::size_t i = 0; i < blocks; ++i) {
      rowing::Record block = store::make_record(rowing::Stream::source, {});
      base::Bytes bytes(60 * 1024);
      noise.fill(bytes);
      block.bytes = base::as_text(bytes);
      EXPECT_TRUE(ok(store->append(birth.rec_id, {&block, 1})));
    }
    EXPECT_TRUE(ok(store->end(birth.rec_id, rowing::EndReason::logged)));
    return birth.rec_id;
  }
  std::vector<UploadFile> write(std::size_t max_files = 100) {
    auto files = uploads().write("anna", max_files);
    EXPECT_TRUE(ok(files));
    return files ? *files : std::vector<UploadFile>();
  }
  UploadFiles uploads() { return {*store, folder.path()}; }
  static base::Bytes read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream out;
    out << in.rdbuf();
    const std::string text = out.str();
    return {text.begin(), text.end()};
  }
  sync::HttpResponse serve(const UploadFile& file) {
    const base::Bytes body = read(file.path);
    const char* answer = nullptr;
    std::size_t size = 0;
    sync::HttpResponse response;
    response.status = test_server_answer(server, "/v1/sync/batch", store->identity().replica_id.text().c_str(),
                                         body.data(), body.size(), &answer, &size);
    response.body.assign(answer, size);
    return response;
  }
  UploadResult finish(const std::string& key, const std::optional<sync::HttpResponse>& response) {
    auto result = uploads().finish(key, response);
    EXPECT_TRUE(ok(result));
    return result ? *result : UploadResult();
  }
  std::uint64_t pending() { return store->status()->pending_items; }

  store::TestStore store;
  store::TemporaryFolder folder;
  base::SeededRandom noise{5};
  test_server* server = test_server_new();
};

TEST_F(UploadsTest, FilesGoInAnyOrderBecauseEachHasItsBirths) {
  const base::Uuid large = add_recording(300, 20);
  add_recording(10);
  auto files = write();
  ASSERT_GE(files.size(), 3u);
  std::uint64_t items = 0;
  for (const UploadFile& file : files) {
    EXPECT_LE(file.bytes, 2 * wire::kTargetBatchBytes);
    EXPECT_EQ(file.key, base::to_hex(base::sha256(read(file.path))));
    items += file.items;
  }
  EXPECT_EQ(items, pending());
  std::reverse(files.begin(), files.end());
  std::uint64_t stored = 0;
  for (const UploadFile& file : files) {
    const UploadResult result = finish(file.key, serve(file));
    EXPECT_EQ(result.outcome, UploadOutcome::taken);
    EXPECT_EQ(result.refused, 0u);
    stored += result.stored;
    EXPECT_FALSE(fs::exists(file.path));
  }
  EXPECT_EQ(test_server_rejected(server), 0u);
  EXPECT_EQ(stored, items);
  EXPECT_EQ(pending(), 0u);
  EXPECT_TRUE(store->recording(large)->safe());
}

TEST_F(UploadsTest, WhatIsInAFileIsNotWrittenAgain) {
  add_recording(300, 20);
  const auto first = write(1);
  ASSERT_EQ(first.size(), 1u);
  std::uint64_t items = first[0].items;
  store.reopen();
  for (const UploadFile& file : write()) items += file.items;
  EXPECT_EQ(items, pending()) << "each item is in one file";
  EXPECT_TRUE(write().empty());
}

TEST_F(UploadsTest, ALostAnswerIsMadeGoodByTheSameBytes) {
  add_recording(300);
  auto files = write();
  ASSERT_EQ(files.size(), 1u);
  serve(files[0]);  // the answer is lost
  EXPECT_EQ(finish(files[0].key, std::nullopt).outcome, UploadOutcome::retry);
  const auto again = write();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].key, files[0].key) << "the same items make the same file";
  const UploadResult result = finish(again[0].key, serve(again[0]));
  EXPECT_EQ(result.stored, 0u);
  EXPECT_EQ(result.duplicates, again[0].items);
  EXPECT_EQ(pending(), 0u);
}

TEST_F(UploadsTest, AnAnswerTwiceOrOfAnUnknownTaskChangesNothing) {
  add_recording(300);
  const auto files = write();
  const sync::HttpResponse answer = serve(files[0]);
  EXPECT_EQ(finish(files[0].key, answer).outcome, UploadOutcome::taken);
  EXPECT_EQ(finish(files[0].key, answer).outcome, UploadOutcome::unknown);
  add_recording(300);
  EXPECT_EQ(finish(std::string(64, 'a'), answer).outcome, UploadOutcome::unknown);
  EXPECT_GT(pending(), 0u);
  for (const char* const key : {"", "../device", "ABC"})
    EXPECT_EQ(uploads().finish(key, answer).error().code, base::ErrorCode::invalid_input) << key;
}

TEST_F(UploadsTest, AfterARestartTheStoreSaysWhichTasksAreCurrent) {
  add_recording(300, 20);
  auto files = write();
  ASSERT_GE(files.size(), 3u);
  // The app was killed. The system has lost the first task, knows one of nobody's, and the second was overtaken by the
  // foreground's sync.
  store.reopen();
  const auto body = read(files[1].path);
  const auto items = wire::parse_batch(body);
  ASSERT_TRUE(ok(items));
  std::vector<store::Acknowledgement> receipts;
  for (const store::KnownItem& item : *store->find_items(*items))
    receipts.push_back({item.id, wire::Outcome::stored, 7, ""});
  ASSERT_TRUE(ok(store->acknowledge("epoch-1", receipts)));
  std::set<std::string, std::less<>> tasks{files[1].key, std::string(64, 'b')};
  for (std::size_t i = 2; i < files.size(); ++i) tasks.insert(files[i].key);

  const auto current = uploads().reconcile(tasks);
  ASSERT_TRUE(ok(current));
  EXPECT_EQ(current->size(), files.size() - 2);
  EXPECT_FALSE(fs::exists(files[0].path));
  EXPECT_FALSE(fs::exists(files[1].path));
  // What the lost task had is written again; everything arrives.
  std::vector<UploadFile> all = *current;
  for (const UploadFile& file : write()) all.push_back(file);
  for (const UploadFile& file : all) finish(file.key, serve(file));
  EXPECT_EQ(pending(), 0u);
}

TEST_F(UploadsTest, FilesMayVanishOrTear) {
  add_recording(300, 20);
  const auto files = write();
  ASSERT_GE(files.size(), 2u);
  const sync::HttpResponse answer = serve(files[0]);
  fs::resize_file(files[0].path, 100);
  EXPECT_EQ(finish(files[0].key, answer).outcome, UploadOutcome::unknown) << "nobody knows what was in it";
  fs::remove(files[1].path);
  std::ofstream(folder.path() + "/half.batch.part") << "x";
  const auto again = write();
  EXPECT_EQ(again.size(), 2u);
  for (const UploadFile& file : again) EXPECT_EQ(finish(file.key, serve(file)).outcome, UploadOutcome::taken);
  for (std::size_t i = 2; i < files.size(); ++i) finish(files[i].key, serve(files[i]));
  EXPECT_EQ(pending(), 0u);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST_F(UploadsTest, AnAnswerThatIsNoneSaysWhatToDo) {
  const std::vector<std::pair<int, UploadOutcome>> answers{{401, UploadOutcome::sign_in}, {403, UploadOutcome::sign_in},
                                                           {413, UploadOutcome::refused}, {429, UploadOutcome::retry},
                                                           {503, UploadOutcome::retry},   {302, UploadOutcome::retry},
                                                           {200, UploadOutcome::retry}};
  add_recording(300);
  const std::uint64_t before = pending();
  for (const auto& [status, outcome] : answers) {
    const auto files = write();
    ASSERT_EQ(files.size(), 1u) << status;
    sync::HttpResponse response{0, status, {{"Retry-After", "30"}}, "<html>captive portal</html>"};
    const UploadResult result = finish(files[0].key, response);
    EXPECT_EQ(result.outcome, outcome) << status;
    EXPECT_EQ(result.retry_after_ms, 30'000);
    EXPECT_EQ(pending(), before);
  }
}

TEST_F(UploadsTest, AnotherLedgersAnswerIsLeftToHello) {
  add_recording(300);
  auto files = write();
  finish(files[0].key, serve(files[0]));
  add_recording(300);
  const std::uint64_t before = pending();
  files = write();
  test_server_new_epoch(server);
  EXPECT_EQ(finish(files[0].key, serve(files[0])).outcome, UploadOutcome::retry);
  EXPECT_EQ(pending(), before);
  EXPECT_EQ(store->status()->server_epoch, "epoch-1");
}

TEST_F(UploadsTest, AStoreThatCannotTakeTheAnswerKeepsTheFile) {
  add_recording(300);
  const auto files = write();
  const sync::HttpResponse answer = serve(files[0]);
  store->suspend();
  EXPECT_EQ(uploads().finish(files[0].key, answer).error().code, base::ErrorCode::unavailable);
  store->resume();
  EXPECT_TRUE(fs::exists(files[0].path));
  EXPECT_EQ(finish(files[0].key, answer).outcome, UploadOutcome::taken);
  EXPECT_EQ(pending(), 0u);
}

TEST_F(UploadsTest, AFolderThatIsNotThereIsAnError) {
  add_recording(10);
  UploadFiles nowhere(*store, folder.path() + "/none");
  EXPECT_EQ(nowhere.write("anna", 5).error().code, base::ErrorCode::io);
  EXPECT_EQ(nowhere.reconcile({}).error().code, base::ErrorCode::io);
}

// Through the C ABI: what the host is told is enough to make the request, and no key is in it.
TEST_F(UploadsTest, TheHostIsToldAllOfARequestButTheKey) {
  add_recording(300);
  store.close();
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_store* opened = nullptr;
  ASSERT_EQ(boathouse_store_open(store.folder().c_str(), &opened, &error), BOATHOUSE_OK) << error.text;
  boathouse_uploads* list = nullptr;
  EXPECT_EQ(boathouse_uploads_write(opened, "", folder.path().c_str(), 10, &list, &error), BOATHOUSE_INVALID_INPUT);
  EXPECT_EQ(boathouse_uploads_write(opened, "anna", folder.path().c_str(), 0, &list, &error), BOATHOUSE_INVALID_INPUT);
  ASSERT_EQ(boathouse_uploads_write(opened, "anna", folder.path().c_str(), 10, &list, &error), BOATHOUSE_OK)
      << error.text;
  ASSERT_EQ(boathouse_uploads_count(list), 1u);
  boathouse_upload upload = BOATHOUSE_INIT(boathouse_upload);
  ASSERT_EQ(boathouse_uploads_get(list, 0, &upload, &error), BOATHOUSE_OK);
  EXPECT_STREQ(upload.method, "POST");
  EXPECT_STREQ(upload.path, "/v1/sync/batch");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < upload.header_count; ++i) names.emplace_back(upload.headers[i].name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("Boathouse-Replica", "Accept", "Content-Type", "Content-Digest"));
  EXPECT_EQ(read(upload.body_file).size(), upload.bytes);

  const char* const keys[] = {upload.key};
  boathouse_uploads* current = nullptr;
  ASSERT_EQ(boathouse_uploads_reconcile(opened, folder.path().c_str(), keys, 1, &current, &error), BOATHOUSE_OK);
  EXPECT_EQ(boathouse_uploads_count(current), 1u);
  boathouse_uploads_free(current);

  const base::Bytes body = read(upload.body_file);
  const char* answer = nullptr;
  std::size_t size = 0;
  const int status =
      test_server_answer(server, upload.path, upload.headers[0].value, body.data(), body.size(), &answer, &size);
  boathouse_upload_result result = BOATHOUSE_INIT(boathouse_upload_result);
  EXPECT_EQ(boathouse_uploads_finish(opened, folder.path().c_str(), upload.key, status, nullptr, 0,
                                     reinterpret_cast<const std::uint8_t*>(answer), size, &result, &error),
            BOATHOUSE_OK)
      << error.text;
  EXPECT_EQ(result.outcome, BOATHOUSE_UPLOAD_TAKEN);
  EXPECT_EQ(result.stored, upload.items);
  boathouse_device_status now = BOATHOUSE_INIT(boathouse_device_status);
  EXPECT_EQ(boathouse_store_status(opened, nullptr, UINT64_MAX, &now, &error), BOATHOUSE_OK);
  EXPECT_EQ(now.pending_items, 0u);
  boathouse_uploads_free(list);
  boathouse_store_free(opened);
}

}  // namespace
}  // namespace boathouse::capi
