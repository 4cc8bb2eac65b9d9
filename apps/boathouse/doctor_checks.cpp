#include "apps/boathouse/doctor_checks.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/utc_time.hpp"

namespace boathouse::app {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = kMiB << 10;
constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kHourMs = 60 * kMinuteMs;
constexpr std::int64_t kDayMs = 24 * kHourMs;

std::string gib(std::uint64_t bytes) {
  const std::uint64_t tenths = bytes * 10 / kGiB;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
}

std::string span_text(std::int64_t ms) {
  if (ms < 2 * kMinuteMs) return std::to_string(ms / 1000) + " s";
  if (ms < 2 * kHourMs) return std::to_string(ms / kMinuteMs) + " min";
  return ms < 3 * kDayMs ? std::to_string(ms / kHourMs) + " h" : std::to_string(ms / kDayMs) + " days";
}

}  // namespace

std::string_view name(Health health) {
  constexpr std::array<std::string_view, 4> kNames{"ok", "skipped", "warn", "FAIL"};
  return kNames.at(static_cast<std::size_t>(health));
}

Finding judge_disk(const std::string& check, const std::string& folder, std::uint64_t free, std::uint64_t total) {
  const std::uint64_t percent = total == 0 ? 0 : free / (total / 100 + 1);
  Finding finding{check, Health::ok, folder + ": " + gib(free) + " free of " + gib(total)};
  if (free < kGiB || percent < 5) {
    finding.health = Health::fail;
  } else if (percent < 15) {
    finding.health = Health::warn;
  }
  if (finding.health != Health::ok) {
    finding.next =
        "make room: a larger disk, or `boathouse backup prune --to DIR --apply` where backups lie there; a full disk "
        "refuses "
        "uploads (they stay on the devices)";
  }
  return finding;
}

Finding judge_permissions(const std::vector<FileMode>& files) {
  Finding finding{"permissions", Health::ok, std::to_string(files.size()) + " files are the server's alone"};
  for (const FileMode& file : files) {
    if ((file.mode & 077U) != 0) {
      return {"permissions", Health::fail,
              file.path + " can be read or changed by others: it holds keys or training data",
              "chmod -R go= on the data folder"};
    }
    if (!file.ours) {
      return {"permissions", Health::fail, file.path + " belongs to another user than the one who asks",
              "run doctor as the user that serves (sudo -u boathouse), or chown -R the data folder to that user"};
    }
  }
  return finding;
}

Finding judge_schema(const std::string& database, std::int64_t found, std::int64_t known) {
  const std::string check = "schema of " + database;
  if (found == 0) return {check, Health::skipped, "is not there"};
  const std::string text = "version " + std::to_string(found) + ", this program has " + std::to_string(known);
  if (found > known) return {check, Health::fail, text, "run the newer program: this one cannot serve it"};
  if (found < known) {
    return {check, Health::warn, text, "make a backup, then start `boathouse serve` of this program: it brings it up"};
  }
  return {check, Health::ok, text};
}

Finding judge_loader(std::int64_t waiting, std::optional<std::int64_t> oldest_ms, std::int64_t now_ms) {
  Finding finding{"loader", Health::ok, std::to_string(waiting) + " chunks wait for ClickHouse"};
  if (waiting == 0 || !oldest_ms) return finding;
  const std::int64_t age = now_ms - *oldest_ms;
  finding.text += ", the oldest since " + span_text(std::max<std::int64_t>(age, 0));
  if (age > 15 * kMinuteMs) {
    finding.health = age > kHourMs ? Health::fail : Health::warn;
    finding.next =
        "look for `loading into ClickHouse failed` in the server's log; nothing is lost meanwhile, queries lag";
  }
  return finding;
}

Finding judge_parts(const timeseries::PartsRead& parts) {
  if (parts.damaged.empty()) {
    return {"parts", Health::ok,
            std::to_string(parts.read) + " of ClickHouse's " + std::to_string(parts.there) +
                " parts were read and are whole"};
  }
  const std::size_t more = parts.damaged.size() - 1;
  return {
      "parts", Health::fail,
      "ClickHouse's part " + parts.damaged.front().table + " " + parts.damaged.front().part + " is damaged" +
          (more > 0 ? ", and " + std::to_string(more) + " others" : ""),
      "nothing is lost, the ledger has it: stop the server, `boathouse reload --data DIR`, start it; and look at the "
      "disk"};
}

Finding judge_no_counts(const base::Error& error) {
  std::string next =
      "the server's log says why (journalctl -u boathouse), and what to do about it; whether a part is damaged "
      "stands under `parts` of this report";
  if (error.code == base::ErrorCode::unauthenticated || error.code == base::ErrorCode::forbidden) {
    next = "is the key the operator's? Give --key-file DATA/operator.key";
  } else if (error.code == base::ErrorCode::unavailable) {
    next = "the server or its ClickHouse is away: what stands above says which; counts are compared when it is back";
  }
  return {"counts", Health::fail, error.text, std::move(next)};
}

Finding judge_backup(const std::optional<ledger::BackupMark>& mark, std::int64_t now_ms) {
  constexpr std::string_view kNext = "boathouse backup create --data DIR --to DIR, and serve with --backup-to";
  if (!mark) {
    return {"backup", Health::fail, "no verified backup has anything of this ledger", std::string(kNext)};
  }
  const std::int64_t age = now_ms - mark->made_ms;
  Finding finding{"backup", Health::ok,
                  mark->name + ", verified, made " + span_text(std::max<std::int64_t>(age, 0)) +
                      " ago, up to server_seq " + std::to_string(mark->up_to_seq)};
  if (age > 26 * kHourMs) {
    finding.health = age > 3 * kDayMs ? Health::fail : Health::warn;
    finding.next = "look for `the backup failed` in the server's log, then: " + std::string(kNext);
  }
  return finding;
}

Finding judge_clock(const ClockFacts& facts) {
  constexpr std::int64_t kTolerance = 5 * kMinuteMs;
  constexpr std::string_view kNext = "set the clock right and keep it so: timedatectl set-ntp true";
  if (facts.last_record_ms && facts.now_ms < *facts.last_record_ms - kTolerance) {
    return {"clock", Health::fail,
            "the clock (" + base::format_utc_ms(facts.now_ms) + ") is behind the ledger's last record (" +
                base::format_utc_ms(*facts.last_record_ms) + ")",
            std::string(kNext)};
  }
  if (facts.server_ms && std::abs(facts.now_ms - *facts.server_ms) > kTolerance) {
    return {"clock", Health::fail,
            "this machine and the server differ by " + span_text(std::abs(facts.now_ms - *facts.server_ms)),
            std::string(kNext)};
  }
  const std::string now = base::format_utc_ms(facts.now_ms);
  if (facts.synchronised == false) {
    return {"clock", Health::warn, now + "; the kernel says that nothing keeps it right", std::string(kNext)};
  }
  return {"clock", Health::ok, now + (facts.synchronised ? ", kept right" : "")};
}

Finding judge_open_files(std::uint64_t limit) {
  Finding finding{"open files", Health::ok, "this user may open " + std::to_string(limit)};
  if (limit < 16'384) {
    finding.health = limit < 1024 ? Health::fail : Health::warn;
    finding.next = "LimitNOFILE=65536 in the unit, or ulimit -n: every connection and every part of a table is a file";
  }
  return finding;
}

Finding judge_memory(std::uint64_t available, std::uint64_t total) {
  Finding finding{"memory", Health::ok, gib(available) + " available of " + gib(total)};
  if (available < 1536 * kMiB) {
    finding.health = available < 256 * kMiB ? Health::fail : Health::warn;
    finding.next = "serve and its engine take about 1 GiB while they load: end other programs or take a larger machine";
  }
  return finding;
}

Finding judge_certificate(std::optional<std::int64_t> expires_ms, std::int64_t now_ms) {
  if (!expires_ms) return {"certificate", Health::skipped, "the server is not asked over https://"};
  const std::int64_t left = *expires_ms - now_ms;
  Finding finding{"certificate", Health::ok, "good until " + base::format_utc_ms(*expires_ms)};
  if (left < 21 * kDayMs) {
    finding.health = left < 7 * kDayMs ? Health::fail : Health::warn;
    finding.next = "renew it now: devices refuse a server whose certificate has ended, and keep what they have";
  }
  return finding;
}

Finding judge_jobs(const JobFacts& facts) {
  if (facts.overdue > 0) {
    return {"jobs", Health::fail,
            std::to_string(facts.overdue) + " jobs are due for more than " + span_text(kJobPatienceMs) +
                " and nobody does them",
            "does the server run? Restart it: journalctl -u boathouse -n 100 says what it was doing"};
  }
  if (facts.failed > 0) {
    return {"jobs", Health::warn,
            std::to_string(facts.failed) + " jobs have failed for good; the last: " + facts.last_error,
            "put right what it names; what was to be done is ordered again by its next occasion"};
  }
  return {"jobs", Health::ok, "none is stuck, none has failed"};
}

Finding judge_webhooks(const std::vector<std::string>& disabled) {
  if (disabled.empty()) return {"webhooks", Health::ok, "none is switched off"};
  std::string text = std::to_string(disabled.size()) + " endpoints are switched off:";
  constexpr std::size_t kShown = 5;
  for (std::size_t i = 0; i < std::min(disabled.size(), kShown); ++i) text += " " + disabled[i];
  return {"webhooks", Health::warn, text, "tell their owners: they switch them on again when the receiver works"};
}

std::optional<std::int64_t> parse_gmt(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  int year = 0;
  int month = 0;
  int day = 0;
  std::array<int, 3> time{-1, 0, 0};
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto number = [](std::string_view digits) {
      int value = -1;
      const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
      return error == std::errc() && rest == digits.data() + digits.size() ? value : -1;
    };
    const auto* const found = std::ranges::find(kMonths, word);
    if (found != kMonths.end()) {
      month = static_cast<int>(found - kMonths.begin()) + 1;
    } else if (word.size() == 8 && word[2] == ':' && word[5] == ':') {
      time = {number(word.substr(0, 2)), number(word.substr(3, 2)), number(word.substr(6, 2))};
    } else if (word.size() == 4 && number(word) > 0) {
      year = number(word);
    } else if (word.size() <= 2 && number(word) > 0) {
      day = number(word);
    }
  }
  if (!base::is_valid_date({year, month, day}) || time[0] < 0 || time[1] < 0 || time[2] < 0) return std::nullopt;
  return base::days_from_civil({year, month, day}) * kDayMs + time[0] * kHourMs + time[1] * kMinuteMs + time[2] * 1000;
}

}  // namespace boathouse::app
