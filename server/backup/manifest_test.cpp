#include "server/backup/manifest.hpp"

#include <gtest/gtest.h>

#include <string>

namespace boathouse::backup {
namespace {

Manifest manifest() {
  Manifest made;
  made.made_ms = 1'700'000'000'000;
  made.epoch = "0123456789abcdef";
  made.last_seq = 7;
  made.databases.push_back({"ledger", 6, {{"state", {1, {}}}}});
  made.files.push_back({"ledger.db", 4096, base::sha256(base::as_bytes("a"))});
  return made;
}

TEST(Manifest, ClickHousesPartComesBackAsItWas) {
  Manifest made = manifest();
  EXPECT_EQ(*parse_manifest(encode_manifest(made)), made) << "without one";
  made.clickhouse = ClickHouseCopy{"", {{"clickhouse-1-full.tar", 10, base::sha256(base::as_bytes("b"))}}};
  EXPECT_EQ(*parse_manifest(encode_manifest(made)), made);
  made.clickhouse = ClickHouseCopy{"https://bucket/it's", {{"full", 10, {}}, {"increment", 3, {}}}};
  EXPECT_EQ(*parse_manifest(encode_manifest(made)), made);
}

TEST(Manifest, APartThatIsNoneIsRefused) {
  Manifest made = manifest();
  made.clickhouse = ClickHouseCopy{"", {}};
  EXPECT_FALSE(parse_manifest(encode_manifest(made)));
  for (const char* outside : {"../pepper.key", ".hidden", ""}) {
    made.clickhouse = ClickHouseCopy{"", {{outside, 1, {}}}};
    EXPECT_FALSE(parse_manifest(encode_manifest(made))) << outside;
  }
  made.clickhouse = ClickHouseCopy{"", {{"clickhouse-1-full.tar", 10, {}}}};
  std::string text = encode_manifest(made);
  text[text.find("full.tar")] = 'F';
  EXPECT_FALSE(parse_manifest(text));
}

}  // namespace
}  // namespace boathouse::backup
