// Bytes as a request of the device's page: the first chooses the call, then lines of Host, Origin, Sec-Fetch-Site,
// Content-Type, the id ('@' = a session that is there), name=value pairs with & between, and the body. Whatever is
// asked: nobody else's page is let in, an answer is JSON, a refusal is one of the client's own faults, the data stay.
#include <stdlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/json.hpp"
#include "core/base/random.hpp"
#include "core/rowing/catalogue.hpp"
#include "device/page/admission.hpp"
#include "device/page/page.hpp"

using namespace boathouse;

namespace {

constexpr int kRequests = 300;  // of one store: edits add up
constexpr std::uint64_t kSamples = 20;

void must(bool holds) {
  if (!holds) std::abort();
}

std::string make_folder() {
  std::string folder = (std::filesystem::temp_directory_path() / "boathouse-fuzz-XXXXXX").string();
  must(::mkdtemp(folder.data()) != nullptr);
  return folder;
}

store::Store open(const std::string& folder, base::UuidV7Source& ids, base::RandomSource& random) {
  auto opened = store::Store::open(folder, ids, random);
  must(opened.ok());
  return std::move(*opened);
}

class Device {
 public:
  Device() {
    rowing::Birth birth;
    birth.rec_id = session_ = ids_.next();
    must(store_.begin(birth, "").ok());
    rowing::Record sample;
    sample.values.assign(rowing::metrics(rowing::Stream::sample).size(), 1);
    must(store_.append(session_, std::vector<rowing::Record>(kSamples, sample)).ok());
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string session() const { return "ses_" + session_.text(); }

  void ask(const page::Endpoint& endpoint, const page::Question& question) {
    const auto answer = page_.answer(endpoint, question);
    if (answer.ok()) {
      must(endpoint.content_type != "application/json" || base::parse_json(*answer).ok());
    } else {
      const base::ErrorCode code = answer.error().code;
      must(code == base::ErrorCode::invalid_input || code == base::ErrorCode::not_found ||
           code == base::ErrorCode::too_large);
    }
    const auto status = store_.status();
    must(status.ok() && status->recordings == 1 && status->records == kSamples);
  }

 private:
  static page::Controls controls() {
    page::Controls made;
    made.status = [] { return sync::Status(); };
    made.sync_now = [] {};
    made.pause = [](bool) {};
    made.data_added = [] {};
    made.sign_in = [](const std::string&) { return base::Status(); };
    made.rowing = [] { return std::optional<base::Uuid>(); };
    made.disk_free_bytes = [] { return std::uint64_t{0}; };
    return made;
  }

  base::ManualClock clock_{1'700'000'000'000};
  base::SeededRandom random_{1};
  base::UuidV7Source ids_{clock_, random_};
  std::string folder_ = make_folder();
  store::Store store_ = open(folder_, ids_, random_);
  page::Page page_{page::Tools{store_, clock_, ids_}, controls()};
  base::Uuid session_;
};

std::string take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return std::string(line);
}

std::optional<std::string> take_header(std::string_view& text) {
  std::string line = take_line(text);
  return line == "-" ? std::nullopt : std::optional(std::move(line));
}

void check_admission(const page::Visitor& visitor) {
  if (!page::admit(visitor).ok()) return;
  must(visitor.host.has_value());
  const std::string name = visitor.host->substr(0, visitor.host->rfind(':'));
  must(visitor.host->starts_with('[') || name == "localhost" || *visitor.host == "localhost" ||
       name.find_first_not_of("0123456789.") == std::string::npos);
  must(!visitor.origin || *visitor.origin == "http://" + *visitor.host);
  must(!visitor.changes || (visitor.content_type && visitor.content_type->starts_with("application/json")));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::optional<Device> device;
  static int requests = 0;
  if (!device || ++requests == kRequests) {
    device.emplace();
    requests = 0;
  }
  if (size == 0) return 0;
  const auto endpoints = page::Page::endpoints();
  const page::Endpoint& endpoint = endpoints[data[0] % endpoints.size()];
  std::string_view text = base::as_text({data, size}).substr(1);
  page::Visitor visitor;
  visitor.changes = endpoint.changes;
  for (auto* header : {&visitor.host, &visitor.origin, &visitor.fetch_site, &visitor.content_type}) {
    *header = take_header(text);
  }
  check_admission(visitor);
  page::Question question;
  question.id = take_line(text);
  if (question.id.starts_with('@')) question.id.replace(0, 1, device->session());
  const std::string query = take_line(text);
  for (std::string_view rest = query; !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    question.query.emplace_back(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
  }
  if (text.size() > endpoint.max_body) return 0;  // refused before it is read
  question.body = text;
  device->ask(endpoint, question);
  return 0;
}
