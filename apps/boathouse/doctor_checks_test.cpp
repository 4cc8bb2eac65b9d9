#include "apps/boathouse/doctor_checks.hpp"

#include <gtest/gtest.h>

#include "apps/boathouse/test_time.hpp"

namespace boathouse::app {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::int64_t kNow = 1'800'000'000'000;

// What is not well names the next step; what is well has none.
void expect(const Finding& finding, Health health) {
  EXPECT_EQ(finding.health, health) << finding.check << ": " << finding.text;
  EXPECT_EQ(finding.next.empty(), health == Health::ok || health == Health::skipped) << finding.next;
  EXPECT_FALSE(finding.text.empty());
}

TEST(DoctorChecks, Disk) {
  expect(judge_disk("disk", "/data", 50 * kGiB, 100 * kGiB), Health::ok);
  expect(judge_disk("disk", "/data", 10 * kGiB, 100 * kGiB), Health::warn);
  expect(judge_disk("disk", "/data", 3 * kGiB, 100 * kGiB), Health::fail);
  expect(judge_disk("disk", "/data", kGiB / 2, kGiB), Health::fail);
  expect(judge_disk("disk", "/data", 0, 0), Health::fail);
}

TEST(DoctorChecks, Permissions) {
  expect(judge_permissions({{"/data", 0700}, {"/data/pepper.key", 0600}}), Health::ok);
  const Finding open = judge_permissions({{"/data", 0700}, {"/data/pepper.key", 0640}});
  expect(open, Health::fail);
  EXPECT_NE(open.text.find("pepper.key"), std::string::npos);
  expect(judge_permissions({{"/data", 0755}}), Health::fail);
  expect(judge_permissions({{"/data", 0700, false}}), Health::fail);
}

TEST(DoctorChecks, Schema) {
  expect(judge_schema("ledger", 6, 6), Health::ok);
  expect(judge_schema("ledger", 5, 6), Health::warn);
  expect(judge_schema("ledger", 7, 6), Health::fail);
  expect(judge_schema("webhooks", 0, 1), Health::skipped);
}

TEST(DoctorChecks, Loader) {
  expect(judge_loader(0, std::nullopt, kNow), Health::ok);
  expect(judge_loader(9, kNow - kMinute, kNow), Health::ok);
  expect(judge_loader(9, kNow - 20 * kMinute, kNow), Health::warn);
  expect(judge_loader(9, kNow - 2 * kHour, kNow), Health::fail);
}

TEST(DoctorChecks, Parts) {
  expect(judge_parts({0, 0, {}}), Health::ok);
  expect(judge_parts({7, 5, {}}), Health::ok);
  EXPECT_NE(judge_parts({7, 5, {}}).text.find("5 of ClickHouse's 7 parts"), std::string::npos);
  const Finding damaged = judge_parts({7, 7, {{"sample", "2026_1_1_0"}, {"session", "all_1_1_0"}}});
  expect(damaged, Health::fail);
  EXPECT_NE(damaged.text.find("sample 2026_1_1_0 is damaged, and 1 others"), std::string::npos) << damaged.text;
  EXPECT_NE(damaged.next.find("boathouse reload"), std::string::npos);
}

// The next step is that of what went wrong: another key mends no 500.
TEST(DoctorChecks, CountsThatCannotBeHad) {
  using base::ErrorCode;
  const auto next = [](ErrorCode code) {
    const Finding finding = judge_no_counts({code, "the server answered something"});
    expect(finding, Health::fail);
    return finding.next;
  };
  EXPECT_NE(next(ErrorCode::unauthenticated).find("is the key the operator's?"), std::string::npos);
  EXPECT_NE(next(ErrorCode::forbidden).find("is the key the operator's?"), std::string::npos);
  EXPECT_NE(next(ErrorCode::unavailable).find("ClickHouse is away"), std::string::npos);
  EXPECT_NE(next(ErrorCode::internal).find("the server's log says why"), std::string::npos);
  EXPECT_EQ(next(ErrorCode::internal).find("key"), std::string::npos);
}

TEST(DoctorChecks, Backup) {
  expect(judge_backup(std::nullopt, kNow), Health::fail);
  const auto made = [](std::int64_t ms) { return ledger::BackupMark{"backup-1", 7, ms}; };
  expect(judge_backup(made(kNow - kHour), kNow), Health::ok);
  expect(judge_backup(made(kNow - 27 * kHour), kNow), Health::warn);
  expect(judge_backup(made(kNow - 4 * kDay), kNow), Health::fail);
}

TEST(DoctorChecks, Clock) {
  expect(judge_clock({kNow}), Health::ok);
  expect(judge_clock({kNow, true, kNow - 1000, kNow + 1000}), Health::ok);
  expect(judge_clock({kNow, false, kNow, kNow}), Health::warn);
  expect(judge_clock({kNow, true, kNow + 6 * kMinute, std::nullopt}), Health::fail);
  expect(judge_clock({kNow, true, kNow, kNow - 6 * kMinute}), Health::fail);
  expect(judge_clock({kNow, true, kNow, kNow + 6 * kMinute}), Health::fail);
}

TEST(DoctorChecks, OpenFilesAndMemory) {
  expect(judge_open_files(65'536), Health::ok);
  expect(judge_open_files(4096), Health::warn);
  expect(judge_open_files(256), Health::fail);
  expect(judge_memory(2 * kGiB, 4 * kGiB), Health::ok);
  expect(judge_memory(kGiB, 4 * kGiB), Health::warn);
  expect(judge_memory(kGiB / 8, 4 * kGiB), Health::fail);
}

TEST(DoctorChecks, Certificate) {
  expect(judge_certificate(std::nullopt, kNow), Health::skipped);
  expect(judge_certificate(kNow + 60 * kDay, kNow), Health::ok);
  expect(judge_certificate(kNow + 14 * kDay, kNow), Health::warn);
  expect(judge_certificate(kNow + 2 * kDay, kNow), Health::fail);
  expect(judge_certificate(kNow - kDay, kNow), Health::fail);
}

TEST(DoctorChecks, JobsAndWebhooks) {
  expect(judge_jobs({}), Health::ok);
  const Finding failed = judge_jobs({0, 3, "no disk"});
  expect(failed, Health::warn);
  EXPECT_NE(failed.text.find("no disk"), std::string::npos);
  expect(judge_jobs({1, 3, "no disk"}), Health::fail);
  expect(judge_webhooks({}), Health::ok);
  const Finding off = judge_webhooks({"https://a.example/hook"});
  expect(off, Health::warn);
  EXPECT_NE(off.text.find("a.example"), std::string::npos);
}

TEST(DoctorChecks, TimesOfHttpAndCertificates) {
  EXPECT_EQ(parse_gmt("Thu, 01 Jan 1970 00:00:01 GMT"), 1000);
  EXPECT_EQ(parse_gmt("Fri, 15 Jan 2027 08:00:00 GMT"), kNow);
  EXPECT_EQ(parse_gmt("Jan 15 08:00:00 2027 GMT"), kNow);
  EXPECT_EQ(parse_gmt("Jan  5 08:00:00 2027 GMT"), kNow - 10 * kDay);
  for (const char* wrong : {"", "soon", "Fri, 31 Feb 2027 08:00:00 GMT", "Fri, 15 Jan 2027", "Jan 15 xx:00:00 2027"}) {
    EXPECT_FALSE(parse_gmt(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace boathouse::app
