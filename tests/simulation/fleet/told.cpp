#include "tests/simulation/fleet/told.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "core/base/json.hpp"
#include "tests/simulation/fleet/feed.hpp"
#include "tests/simulation/fleet/violation.hpp"

namespace boathouse::simulation {
namespace {

// What a body says.
struct Word {
  std::string type;
  base::Uuid athlete;
  std::optional<base::Uuid> session;
  std::uint64_t revision = 0;
};

std::string member(const base::JsonValue& object, std::string_view name) {
  const base::JsonValue* value = object.find(name);
  return value != nullptr && value->text() != nullptr ? *value->text() : std::string();
}

base::Uuid id_of(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) throw Violation("I14: a webhook names \"" + std::string(text) + "\"");
  return read(base::Uuid::parse(text.substr(prefix.size())), "an id in a webhook");
}

Word read_word(const std::string& body) {
  const auto json = read(base::parse_json(body), "a webhook's body");
  const base::JsonValue* data = json.find("data");
  if (data == nullptr) throw Violation("I14: a webhook without data");
  Word word;
  word.type = member(json, "type");
  word.athlete = id_of(member(*data, "athlete_id"), "ath_");
  if (const std::string session = member(*data, "session_id"); !session.empty()) word.session = id_of(session, "ses_");
  if (const base::JsonValue* revision = data->find("revision")) {
    word.revision = static_cast<std::uint64_t>(revision->integer().value_or(0));
  }
  return word;
}

// "msg_EPOCH_NUMBER"
std::string epoch_of(const std::string& id) {
  const std::size_t end = id.rfind('_');
  if (!id.starts_with("msg_") || end == std::string::npos || end < 4) throw Violation("I14: a webhook-id is " + id);
  return id.substr(4, end - 4);
}

bool is_complete(const ledger::RecordingState& state) {
  return state.seal && std::ranges::all_of(state.seal->streams, [&](const auto& sealed) {
           const auto held = std::ranges::find(state.streams, sealed.first, &ledger::StreamState::stream);
           return sealed.second.count == 0 || (held != state.streams.end() && held->records >= sealed.second.count);
         });
}

// What one receiver was told of each session.
struct OfSession {
  std::set<std::string> types;
  std::set<std::string> types_now;  // under the epoch of now
};

// What the feed has of a recording: the last number of each.
struct Committed {
  std::int64_t birth = 0;
  std::int64_t seal = 0;
  std::int64_t chunk = 0;
  std::int64_t edit = 0;
};

std::map<base::Uuid, Committed> committed_of(ledger::Ledger& ledger, const base::Uuid& athlete) {
  constexpr std::size_t kAll = 100'000;
  std::map<base::Uuid, Committed> all;
  for (std::int64_t since = 0;;) {
    const auto page = read(ledger.changes(athlete, since, kAll, std::size_t{64} << 20), "the feed");
    for (const wire::Change& change : page.changes) {
      Committed& one = all[change.rec_id];
      if (change.kind == wire::ChangeKind::birth) one.birth = change.seq;
      if (change.kind == wire::ChangeKind::seal) one.seal = change.seq;
      if (change.kind == wire::ChangeKind::chunk) one.chunk = change.seq;
      if (change.kind == wire::ChangeKind::edit) one.edit = change.seq;
    }
    if (!page.more) return all;
    since = page.next;
  }
}

bool wants(const Receiver& receiver, const std::string& type) {
  return receiver.events.empty() || std::ranges::find(receiver.events, type) != receiver.events.end();
}

}  // namespace

void Told::check_news(Service& service, Receivers& receivers, const MayBeGone& may_be_gone) {
  for (const Heard& heard : receivers.news()) {
    const Receiver& receiver = receivers.all()[heard.receiver];
    const Word word = read_word(heard.body);
    if (word.athlete != receiver.athlete) throw Violation("I14: an athlete is told of another one's " + heard.body);
    if (!wants(receiver, word.type)) throw Violation("I14: nobody wanted " + heard.body);
    const auto body = bodies_.try_emplace({heard.receiver, heard.id}, heard.body).first;
    if (body->second != heard.body) throw Violation("I14: two events have the id " + heard.id);
    if (!word.session) continue;
    if (word.type == "session.created" || word.type == "session.complete") {
      const std::string what = word.type + " " + word.session->text() + " " + epoch_of(heard.id);
      const auto id = ids_.try_emplace({heard.receiver, what}, heard.id).first;
      if (id->second != heard.id) throw Violation("I14: " + what + " has two ids");
    }
    if (may_be_gone(*word.session)) continue;
    auto state = service.ledger().recording(*word.session);
    if (!state) continue;  // a fault of the disk
    if (!*state || (*state)->athlete != receiver.athlete) throw Violation("I14: not committed: " + heard.body);
    const bool sealed = (*state)->seal && (*state)->seal->revision >= word.revision;
    if (word.type == "session.complete" &&
        (!sealed || ((*state)->seal->revision == word.revision && !is_complete(**state)))) {
      throw Violation("I14: not complete: " + heard.body);
    }
  }
}

void Told::check_all(Service& service, const Receivers& receivers, const MayBeGone& may_be_gone) const {
  const std::string epoch = service.ledger().epoch();
  for (const Receiver& receiver : receivers.all()) {
    const bool enabled = read(service.webhooks()->is_enabled(receiver), "a webhook");
    if (!enabled && !receiver.gone) throw Violation("I14: " + receiver.url + " was disabled");
    if (enabled && receiver.said_gone) throw Violation("I14: " + receiver.url + " is gone, and still called");
    if (receiver.gone) continue;
    std::map<base::Uuid, OfSession> told;
    for (const auto& [id, body] : receiver.bodies) {
      const Word word = read_word(body);
      if (!word.session) continue;
      told[*word.session].types.insert(word.type);
      if (epoch_of(id) == epoch) told[*word.session].types_now.insert(word.type);
    }
    const auto expect = [&](const base::Uuid& session, std::int64_t seq, std::initializer_list<const char*> types) {
      const OfSession& heard = told[session];
      const auto& among = seq > service.kept_seq() ? heard.types_now : heard.types;
      if (std::ranges::any_of(types, [&](const char* type) { return among.contains(type); })) return;
      throw Violation("I14: " + receiver.url + " was not told " + *types.begin() + " of " + session.text());
    };
    for (const auto& [session, committed] : committed_of(service.ledger(), receiver.athlete)) {
      if (committed.birth == 0 || may_be_gone(session)) continue;
      const auto state = read(service.ledger().recording(session), "a recording");
      if (!state) throw Violation("I14: " + session.text() + " is in the feed alone");
      if (wants(receiver, "session.created")) expect(session, committed.birth, {"session.created"});
      if (wants(receiver, "session.complete") && is_complete(*state)) expect(session, 0, {"session.complete"});
      if (wants(receiver, "session.updated") && is_complete(*state)) {
        expect(session, std::max(committed.seal, committed.chunk), {"session.complete", "session.updated"});
      }
      if (wants(receiver, "session.updated") && committed.edit > committed.birth) {
        expect(session, committed.edit, {"session.updated", "session.deleted"});
      }
    }
  }
}

}  // namespace boathouse::simulation
