// What the engine answers. Each test starts the real program; see test_engine.hpp.
#include <zlib.h>
#include <zstd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/http/content_coding.hpp"
#include "engine/test_engine.hpp"

namespace boathouse::engine {
namespace {

void append_text(std::string& out, std::string_view text) {
  out += static_cast<char>(text.size());  // a varint; shorter than 128 here
  out += text;
}

void append_u64(std::string& out, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i));
}

std::string row_binary(std::uint64_t first, std::uint64_t count, std::string_view text) {
  std::string out;
  for (std::uint64_t i = first; i < first + count; ++i) {
    append_u64(out, i);
    append_text(out, text);
  }
  return out;
}

// One block of columns a, s.
std::string native(std::uint64_t first, std::uint64_t count, std::string_view text) {
  std::string out = "\x02";
  std::uint64_t left = count;
  for (; left >= 0x80; left >>= 7) out += static_cast<char>(left | 0x80);
  out += static_cast<char>(left);
  append_text(out, "a");
  append_text(out, "UInt64");
  for (std::uint64_t i = first; i < first + count; ++i) append_u64(out, i);
  append_text(out, "s");
  append_text(out, "String");
  for (std::uint64_t i = 0; i < count; ++i) append_text(out, text);
  return out;
}

// One engine serves all of them; each begins with an empty table t.
class EngineAnswers : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!EngineHost::missing().empty()) return;
    host_ = std::make_unique<EngineHost>();
    engine_ = host_->start();
  }
  static void TearDownTestSuite() { host_.reset(); }

  void SetUp() override {
    if (host_ == nullptr) GTEST_SKIP() << EngineHost::missing();
    ASSERT_NE(engine_.port, 0) << host_->said_on_stderr();
    client_.emplace(engine_.port);
    ask("DROP TABLE IF EXISTS t");
    ask("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a SETTINGS "
        "non_replicated_deduplication_window = 100, fsync_after_insert = 1, fsync_part_directory = 1");
  }
  Client& client() { return *client_; }
  std::string ask(std::string_view sql, std::string_view settings = {}) { return engine::ask(client(), sql, settings); }
  Reply insert(std::string_view sql, std::string_view rows, std::string_view settings = {},
               std::string_view headers = {}) {
    return engine::insert(client(), sql, rows, settings, headers);
  }
  // On a connection of its own, since an error may end it.
  Reply fresh(std::string_view method, std::string_view target, std::string_view body = {},
              std::string_view headers = {}) {
    return Client(engine_.port).request(method, target, body, headers);
  }

  static inline std::unique_ptr<EngineHost> host_;
  static inline Engine engine_;
  std::optional<Client> client_;
};

TEST_F(EngineAnswers, PingAndBareAddress) {
  EXPECT_EQ(client().request("GET", "/ping", "").body, "Ok.\n");
  client().send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client().reply().body, "Ok.\n");
  EXPECT_EQ(client().request("GET", "/nothing", "").status, 404);
  EXPECT_EQ(client().request("PUT", "/", "").status, 501);
}

TEST_F(EngineAnswers, AStatementHasBoundsOfMemoryAndEndsAtItsTime) {
  const std::string kBound = "SELECT value FROM system.settings WHERE name = 'max_memory_usage'";
  const std::string bound = ask(kBound);
  EXPECT_EQ(bound, ask("SELECT intDiv(toUInt64(value), 3) * 2 FROM system.server_settings WHERE name = "
                       "'max_server_memory_usage'"));
  EXPECT_GT(std::stoull(bound), 100'000'000U);
  EXPECT_EQ(ask("SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage_to_ram_ratio'"),
            "0.75\n");

  // One chunk of more memory than any machine has: nothing of it is taken.
  const std::string wide = "/?wait_end_of_query=1&function_range_max_elements_in_block=1000000000000";
  const Reply too_wide = fresh("POST", wide, "SELECT sum(length(range(toUInt64(1000000000000))))");
  EXPECT_EQ(too_wide.header("X-ClickHouse-Exception-Code"), "241") << too_wide.body;
  EXPECT_NE(too_wide.body.find("Query memory limit exceeded"), std::string::npos) << too_wide.body;
  const Reply own =
      fresh("POST", wide + "&max_memory_usage=50000000", "SELECT sum(length(range(toUInt64(100000000))))");
  EXPECT_EQ(own.header("X-ClickHouse-Exception-Code"), "241") << own.body;
  EXPECT_EQ(ask("SELECT 1", "&max_memory_usage=50000000"), "1\n");

  const std::string endless = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1";
  const Reply too_long = fresh("POST", "/?wait_end_of_query=1&max_execution_time=0.1", endless);
  EXPECT_EQ(too_long.header("X-ClickHouse-Exception-Code"), "159") << too_long.body;
  // On every handle that may serve the next one.
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ask(kBound), bound);
}

TEST_F(EngineAnswers, RowsWithBlankLinesInsideArriveAsTheyAre) {
  const std::string text = "\n\nDROP TABLE t\n\n";  // libchdb would end inline data here, and run the rest
  const Reply first = insert("INSERT INTO t FORMAT Native", native(0x0A0A, 300, text));
  EXPECT_EQ(first.status, 200) << first.body;
  EXPECT_NE(first.header("X-ClickHouse-Summary").find("\"written_rows\":\"300\""), std::string::npos);
  EXPECT_EQ(first.header("X-ClickHouse-Format"), "Native");
  EXPECT_EQ(insert("INSERT INTO t (a, s) FORMAT RowBinary", row_binary(0x0A0A0A0A, 200, text)).status, 200);
  EXPECT_EQ(ask("SELECT count(), sum(a), countIf(s = '\\n\\nDROP TABLE t\\n\\n') FROM t"),
            "500\t" + std::to_string(300ULL * 0x0A0A + 299 * 150 + 200ULL * 0x0A0A0A0A + 199 * 100) + "\t500\n");
}

TEST_F(EngineAnswers, ABodyThatIsCutOffStoresNothing) {
  const std::string rows = row_binary(0, 1000, "x");
  const std::string head = "POST /?query=" + url_encode("INSERT INTO t FORMAT RowBinary") + " HTTP/1.1\r\n";
  // RowBinary cut between two rows is whole rows: only the frame tells that more was meant.
  const std::string half = rows.substr(0, 500 * 10);
  {
    Client cut(engine_.port);
    cut.send(head + "Content-Length: " + std::to_string(rows.size()) + "\r\n\r\n" + half);
    cut.end_sending();
    const Reply reply = cut.reply();
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.header("X-ClickHouse-Exception-Code"), "33");
  }
  {
    Client cut(engine_.port);
    cut.send(head + "Transfer-Encoding: chunked\r\n\r\n1388\r\n" + half + "\r\n");
    cut.end_sending();
    EXPECT_EQ(cut.reply().status, 400);
  }
  {
    Client gone(engine_.port);
    gone.send(head + "Content-Length: " + std::to_string(rows.size()) + "\r\n\r\n" + half);
  }
  // Whole frames, but the rows themselves end in the middle.
  const Reply torn = engine::insert(*client_, "INSERT INTO t FORMAT Native", native(0, 100, "x").substr(0, 500));
  EXPECT_EQ(torn.header("X-ClickHouse-Exception-Code"), "33");
  EXPECT_EQ(ask("SELECT count() FROM t"), "0\n");
  EXPECT_EQ(insert("INSERT INTO t FORMAT RowBinary", rows).status, 200);
  EXPECT_EQ(ask("SELECT count() FROM t"), "1000\n");
}

TEST_F(EngineAnswers, ChunksWholeOrInSmallPiecesMakeTheSameRows) {
  const std::string rows = native(0, 5000, "abc");
  std::string chunks;
  for (std::size_t at = 0; at < rows.size(); at += 1000) {
    const std::string piece = rows.substr(at, 1000);
    char size[16];
    const auto end = std::to_chars(size, size + sizeof size, piece.size(), 16).ptr;
    chunks += std::string(size, end) + "\r\n" + piece + "\r\n";
  }
  client().send("POST /?query=" + url_encode("INSERT INTO t FORMAT Native") +
                " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n");
  EXPECT_EQ(client().reply().status, 200);
  EXPECT_EQ(ask("SELECT count(), max(a) FROM t"), "5000\t4999\n");
}

TEST_F(EngineAnswers, CompressedRows) {
  const std::string rows = native(0, 20000, "compressed");
  std::string zstd(ZSTD_compressBound(rows.size()), '\0');
  zstd.resize(ZSTD_compress(zstd.data(), zstd.size(), rows.data(), rows.size(), 1));
  const auto count = [this] { return ask("SELECT count() FROM t"); };
  EXPECT_EQ(insert("INSERT INTO t FORMAT Native", zstd, "", "Content-Encoding: zstd\r\n").status, 200);
  EXPECT_EQ(count(), "20000\n");
  const Reply damaged =
      insert("INSERT INTO t FORMAT Native", zstd.substr(0, zstd.size() / 2), "&x=1", "Content-Encoding: zstd\r\n");
  EXPECT_NE(damaged.status, 200);
  client_.emplace(engine_.port);
  const Reply cut =
      insert("INSERT INTO t FORMAT Native", zstd.substr(0, zstd.size() / 2), "", "Content-Encoding: zstd\r\n");
  EXPECT_EQ(cut.header("X-ClickHouse-Exception-Code"), "271");
  EXPECT_EQ(cut.status, 400);
  const Reply unknown =
      fresh("POST", "/?query=" + url_encode("INSERT INTO t FORMAT Native"), rows, "Content-Encoding: br\r\n");
  EXPECT_EQ(unknown.status, 415);
  EXPECT_EQ(count(), "20000\n");

  std::string plain = native(0, 100, "gzip");
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string gzip(deflateBound(&stream, plain.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(gzip.data());
  stream.avail_out = static_cast<uInt>(gzip.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  gzip.resize(stream.total_out);
  deflateEnd(&stream);
  EXPECT_EQ(insert("INSERT INTO t FORMAT Native", gzip, "", "Content-Encoding: gzip\r\n").status, 200);
  EXPECT_EQ(count(), "20100\n");
}

std::string decoded(std::string_view encoding, std::string_view bytes) {
  auto decoder = engine_http::make_content_decoder(encoding);
  std::string out;
  std::string room(100'000, '\0');
  while (decoder) {
    const auto step = (*decoder)->decode(bytes, room);
    if (!step) return step.error().text;
    bytes.remove_prefix(step->consumed);
    out.append(room, 0, step->produced);
    if (step->consumed == 0 && step->produced == 0) return (*decoder)->finish() ? out : "it ends too early";
  }
  return "no such encoding";
}

// Whole or streamed, to who says that it is taken; as a server does it.
TEST_F(EngineAnswers, CompressedResults) {
  const std::string streamed = "SELECT number AS n FROM numbers(200000) FORMAT JSONEachRow";
  const std::string whole = "SELECT number AS n FROM numbers(200000) FORMAT TabSeparated";
  for (const std::string& sql : {streamed, whole}) {
    const Reply plain = client().post("/", sql);
    EXPECT_EQ(plain.header("Content-Encoding"), "");
    EXPECT_EQ(plain.header("Transfer-Encoding") == "chunked", sql == streamed);
    for (const auto& [accepted, chosen] :
         {std::pair{"gzip", "gzip"}, {"zstd", "zstd"}, {"gzip, deflate, br, zstd", "zstd"}}) {
      const std::string header = "Accept-Encoding: " + std::string(accepted) + "\r\n";
      const Reply reply = client().post("/", sql, header);
      EXPECT_EQ(reply.header("Content-Encoding"), chosen) << accepted;
      EXPECT_EQ(reply.header("Transfer-Encoding"), plain.header("Transfer-Encoding"));
      EXPECT_LT(reply.body.size(), plain.body.size() / 2);
      EXPECT_TRUE(decoded(chosen, reply.body) == plain.body) << accepted;
      EXPECT_EQ(client().post("/?enable_http_compression=0", sql, header).header("Content-Encoding"), "");
      EXPECT_EQ(client().post("/?enable_http_compression=1", sql, header).header("Content-Encoding"), chosen);
    }
    EXPECT_EQ(client().post("/", sql, "Accept-Encoding: br, identity\r\n").header("Content-Encoding"), "");
  }
  const Reply refused = fresh("POST", "/", "SELECT nothing", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(refused.header("Content-Encoding"), "");
  EXPECT_TRUE(refused.body.starts_with("Code: 47.")) << refused.body;
}

TEST_F(EngineAnswers, ADedupTokenCountsOnce) {
  const std::string token = "&insert_deduplication_token=chunk-1";
  EXPECT_EQ(insert("INSERT INTO t FORMAT Native", native(0, 10, "x"), token).status, 200);
  EXPECT_EQ(insert("INSERT INTO t FORMAT Native", native(0, 10, "x"), token).status, 200);
  EXPECT_EQ(ask("SELECT count() FROM t"), "10\n");
  // The token does not stick to the handle.
  EXPECT_EQ(insert("INSERT INTO t FORMAT Native", native(10, 10, "x")).status, 200);
  EXPECT_EQ(ask("SELECT count() FROM t"), "20\n");
}

TEST_F(EngineAnswers, ParametersAreValuesNotSql) {
  const auto with = [this](std::string_view value) {
    return ask("SELECT {v:String}", "&param_v=" + url_encode(value));
  };
  EXPECT_EQ(with("'; DROP TABLE t; --"), "\\'; DROP TABLE t; --\n");
  EXPECT_EQ(with("a\\tb\\nc"), "a\\tb\\nc\n");
  EXPECT_EQ(ask("SELECT {a:Array(UInt32)}, {n:Nullable(Int8)}", "&param_a=%5B1%2C2%5D&param_n=%5CN"), "[1,2]\t\\N\n");
  const Reply reply = insert("INSERT INTO {table:Identifier} (a) FORMAT CSV", "7\n", "&param_table=t");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(ask("SELECT a FROM {table:Identifier}", "&param_table=t"), "7\n");
  EXPECT_EQ(client().post("/", "SELECT {v:String}").header("X-ClickHouse-Exception-Code"), "456");
}

TEST_F(EngineAnswers, ErrorsHaveCodeAndStatus) {
  const auto expect = [this](std::string_view sql, int status, const std::string& code) {
    const Reply reply = fresh("POST", "/", sql);
    EXPECT_EQ(reply.status, status) << sql;
    EXPECT_EQ(reply.header("X-ClickHouse-Exception-Code"), code) << reply.body;
    EXPECT_EQ(reply.body.rfind("Code: " + code + ". DB::Exception: ", 0), 0U) << reply.body;
  };
  expect("SELEC 1 1", 400, "62");
  expect("SELECT * FROM missing", 404, "60");
  expect("SELECT * FROM missing.t", 404, "81");
  expect("SELECT missing", 404, "47");
  expect("SELECT throwIf(1)", 500, "395");
  expect("SELECT toUInt8('x')", 400, "6");
  expect("", 400, "62");
  EXPECT_EQ(fresh("POST", "/?no_such_setting=1", "SELECT 1").header("X-ClickHouse-Exception-Code"), "115");
  EXPECT_EQ(fresh("POST", "/?max_threads=many", "SELECT 1").header("X-ClickHouse-Exception-Code"), "27");
  EXPECT_EQ(fresh("POST", "/?Bad=1", "SELECT 1").header("X-ClickHouse-Exception-Code"), "408");
  EXPECT_EQ(fresh("POST", "/?query=SELECT+1", "rows").header("X-ClickHouse-Exception-Code"), "62");
  EXPECT_EQ(insert("INSERT INTO missing FORMAT CSV", "1").header("X-ClickHouse-Exception-Code"), "60");
}

TEST_F(EngineAnswers, OneStatementAndNoRowsInTheText) {
  for (const char* sql : {"SELECT 1; DROP TABLE t", "INSERT INTO t VALUES (1, 'x')", "INSERT INTO t FORMAT CSV\n1,x\n",
                          "INSERT INTO t FORMAT CSV\n1,x\n\nDROP TABLE t", "EXPLAIN INSERT INTO t VALUES (1, 'x')",
                          "DROP TABLE t PARALLEL WITH DROP TABLE t"}) {
    EXPECT_EQ(fresh("POST", "/", sql).header("X-ClickHouse-Exception-Code"), "62") << sql;
  }
  EXPECT_EQ(fresh("GET", "/?query=" + url_encode("DROP TABLE t")).header("X-ClickHouse-Exception-Code"), "164");
  EXPECT_EQ(fresh("GET", "/?query=" + url_encode("SET readonly = 0")).header("X-ClickHouse-Exception-Code"), "164");
  EXPECT_EQ(fresh("GET", "/?query=SELECT+1").body, "1\n");
  EXPECT_EQ(ask("SELECT count() FROM t"), "0\n");
}

TEST_F(EngineAnswers, NothingOfARequestStaysWithTheHandle) {
  const char* block_size = "SELECT getSetting('max_block_size')";
  const std::string usual = ask(block_size);
  EXPECT_EQ(ask(block_size, "&max_block_size=77"), "77\n");
  EXPECT_EQ(ask(block_size), usual);
  ask("SET max_block_size = 78");
  EXPECT_EQ(ask(block_size), usual);
  EXPECT_EQ(ask("SELECT getSetting('async_insert')", "&async_insert=1"), "true\n");
  EXPECT_EQ(ask("SELECT getSetting('async_insert'), getSetting('deduplicate_insert')"), "false\tenable\n");
  EXPECT_EQ(ask("SELECT currentDatabase()", "&database=system"), "system\n");
  EXPECT_EQ(ask("SELECT currentDatabase()"), "default\n");
  EXPECT_EQ(fresh("POST", "/?readonly=1", "TRUNCATE TABLE t").status, 403);
  ask("TRUNCATE TABLE t");
  ask("CREATE TEMPORARY TABLE mine (a Int8)");
  EXPECT_EQ(fresh("POST", "/", "SELECT * FROM mine").status, 404);
}

TEST_F(EngineAnswers, FormatsAndIds) {
  const Reply json = client().post("/?default_format=JSONCompact&query_id=my-id", "SELECT 1 AS x");
  EXPECT_EQ(json.header("X-ClickHouse-Query-Id"), "my-id");
  EXPECT_EQ(json.header("X-ClickHouse-Format"), "JSONCompact");
  EXPECT_EQ(json.header("Content-Type"), "application/json; charset=UTF-8");
  const Reply csv = client().post("/?default_format=JSONCompact", "SELECT 'a', 1 FORMAT CSV");
  EXPECT_EQ(csv.body, "\"a\",1\n");
  EXPECT_EQ(csv.header("X-ClickHouse-Format"), "CSV");
  EXPECT_EQ(client().post("/", "SELECT 1 AS x", "X-ClickHouse-Format: JSONEachRow\r\n").body, "{\"x\":1}\n");
  EXPECT_NE(csv.header("X-ClickHouse-Query-Id"), "");
}

TEST_F(EngineAnswers, ALargeResultIsStreamedAndItsErrorShows) {
  const Reply whole = client().post("/", "SELECT number FROM numbers(1000000) FORMAT RowBinary");
  EXPECT_EQ(whole.header("Transfer-Encoding"), "chunked");
  EXPECT_EQ(whole.body.size(), 8'000'000U);
  const char* fails = "SELECT throwIf(number = 900000) FROM numbers(1000000) FORMAT RowBinary";
  const Reply broken = fresh("POST", "/?max_threads=1", fails);
  EXPECT_EQ(broken.status, 200);
  EXPECT_TRUE(broken.cut) << "an error after the first rows must not look like an end";
  const Reply waited = fresh("POST", "/?wait_end_of_query=1", fails);
  EXPECT_EQ(waited.status, 500);
  EXPECT_EQ(waited.header("X-ClickHouse-Exception-Code"), "395");
  EXPECT_EQ(ask("SELECT 1"), "1\n");
}

TEST_F(EngineAnswers, ContinueIsSaidOnlyToGoodRequests) {
  const std::string rows = native(0, 10, "x");
  const auto head = [&rows](std::string_view sql) {
    return "POST /?query=" + url_encode(sql) +
           " HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(rows.size()) + "\r\n\r\n";
  };
  client().send(head("INSERT INTO t FORMAT Native"));
  EXPECT_EQ(client().line(), "HTTP/1.1 100 Continue");
  EXPECT_EQ(client().line(), "");
  client().send(rows);
  EXPECT_EQ(client().reply().status, 200);
  client().send(head("INSERT INTO missing FORMAT Native"));
  const Reply refused = client().reply();
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.header("Connection"), "close");
  EXPECT_TRUE(client().ended());
}

TEST_F(EngineAnswers, RequestsBehindOneAnotherOnOneConnection) {
  client().send(
      "GET /ping HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 8\r\n\r\nSELECT 2"
      "GET /?query=SELECT+3 HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client().reply().body, "Ok.\n");
  EXPECT_EQ(client().reply().body, "2\n");
  EXPECT_EQ(client().reply().body, "3\n");
  EXPECT_TRUE(client().ended());
}

TEST_F(EngineAnswers, LimitsAreToldNotSuffered) {
  Client large(engine_.port);
  large.send("GET /?query=" + std::string(300 * 1024, 'x'));
  EXPECT_EQ(large.reply().status, 413);
  EXPECT_EQ(fresh("POST", "/", std::string(2 * 1024 * 1024, ' ')).status, 413);
  Client rubbish(engine_.port);
  rubbish.send("\x16\x03\x01 rubbish\r\n\r\n");
  EXPECT_EQ(rubbish.reply().status, 400);
  client_.reset();
  std::vector<Client> crowd;
  Reply last{200, {}, {}, false};
  while (last.status == 200 && crowd.size() < 100) {
    last = crowd.emplace_back(engine_.port).request("GET", "/ping", "");
  }
  EXPECT_EQ(last.status, 503);
  EXPECT_EQ(last.header("X-ClickHouse-Exception-Code"), "202");
  EXPECT_LE(crowd.size(), 65U);
  EXPECT_GT(crowd.size(), 60U);
  EXPECT_EQ(crowd[0].request("GET", "/ping", "").status, 200);
}

TEST_F(EngineAnswers, ManyAtOnceLoseNothing) {
  constexpr int kThreads = 6;
  constexpr int kInserts = 15;
  constexpr int kRows = 500;
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int k = 0; k < kThreads; ++k) {
    threads.emplace_back([&, k] {
      Client writer(engine_.port);
      for (int i = 0; i < kInserts; ++i) {
        const auto first = static_cast<std::uint64_t>((k * kInserts + i) * kRows);
        const std::string token = "&insert_deduplication_token=" + std::to_string(first);
        // A retry beside the rest: still counted once.
        for (int again = 0; again < 2; ++again) {
          failed +=
              engine::insert(writer, "INSERT INTO t FORMAT Native", native(first, kRows, "x"), token).status != 200;
        }
      }
    });
    threads.emplace_back([&, k] {
      Client reader(engine_.port);
      for (int i = 0; i < kInserts; ++i) {
        const std::string mine = std::to_string(k * 1000 + i);
        const Reply reply = reader.post("/?param_v=" + mine, "SELECT {v:String}, count() % 500 FROM t");
        failed += reply.body != mine + "\t0\n";
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  constexpr int kAll = kThreads * kInserts * kRows;
  EXPECT_EQ(ask("SELECT count(), uniqExact(a) FROM t"), std::to_string(kAll) + "\t" + std::to_string(kAll) + "\n");
}

TEST_F(EngineAnswers, MetricsHaveClickHousesNames) {
  insert("INSERT INTO t FORMAT Native", native(0, 10, "x"));
  const Reply reply = client().request("GET", "/metrics", "");
  EXPECT_EQ(reply.header("Content-Type"), "text/plain; version=0.0.4; charset=UTF-8");
  for (const char* line : {"\nClickHouseMetrics_Query ", "\nClickHouseProfileEvents_InsertedRows ",
                           "\nClickHouseProfileEvents_RejectedInserts 0\n", "\nClickHouseAsyncMetrics_Uptime ",
                           "\nClickHouseAsyncMetrics_MaxPartCountForPartition ",
                           "\nClickHouseAsyncMetrics_TotalRowsOfMergeTreeTables 10\n",
                           "\n# TYPE ClickHouseProfileEvents_InsertQuery counter\n"}) {
    EXPECT_NE(reply.body.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace boathouse::engine
