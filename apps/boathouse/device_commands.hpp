// The `boathouse device` commands: what an athlete's device does, on a folder that holds its store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace boathouse::app {

struct DeviceOptions {
  std::string data;  // the store's folder; made when it is not there
  bool json = false;
  std::string listen = "127.0.0.1:0";  // device run
  std::string record;                  // device run: also record from this file or pipe, "-" = standard input
};

struct SyncOptions {
  std::string server;          // http://HOST:PORT or https://HOST:PORT
  std::string key;             // an athlete's API key
  std::string ca_file;         // as of transport::HttpClientOptions
  int deadline_s = 60;         // `device sync` gives up after this
  bool refused_again = false;  // `device sync` offers once more what the server refused
  bool other_athlete = false;  // `device sync` takes a key of another athlete than before
};

struct EditOptions {
  std::string session;
  std::optional<std::string> title;  // "" = back to nothing
  std::optional<std::string> notes;
  std::vector<std::string> add_tags;
  std::vector<std::string> remove_tags;
  bool remove = false;
  bool restore = false;
};

struct StorageOptions {
  std::optional<std::uint64_t> cap_bytes;  // 0 = none
  std::optional<std::uint64_t> free_bytes;
};

struct InputOptions {
  std::vector<std::string> files;  // "-" = standard input
  std::string time_zone;           // import: IANA name or +hh:mm, for files with local times
  bool progress = false;           // record: tell each commit
  std::string monitor;             // record, replay: the monitor's serial number
};

// Live notifications as JSON lines, from standard input or a pipe, until it ends or SIGTERM. With `progress` a line of
// JSON after each commit: {"saved":{"sample":120,...}}, of this run. What it names survives any crash.
int device_record(const DeviceOptions& device, const InputOptions& input);
// Captured notifications. Exit 1 when a line could not be read (everything else is kept).
int device_replay(const DeviceOptions& device, const InputOptions& input);
int device_import(const DeviceOptions& device, const InputOptions& input);
int device_status(const DeviceOptions& device);
// The last sync runs, to be sent to support: no key, name or note is in it.
int device_log(const DeviceOptions& device);
int device_sessions(const DeviceOptions& device);
// The imported file that a session came from, byte by byte as it was, to `out_file` ("" or "-" = standard output).
int device_source(const DeviceOptions& device, const std::string& session_id, const std::string& out_file);
// Title, notes, tags, deleting and restoring.
int device_edit(const DeviceOptions& device, const EditOptions& edit);
// One session from now on, and apart again.
int device_link(const DeviceOptions& device, const std::string& session, const std::string& other);
int device_unlink(const DeviceOptions& device, const std::string& session, const std::string& other);
// What awaits a choice, and what was chosen.
int device_conflicts(const DeviceOptions& device);
int device_answer(const DeviceOptions& device, const std::string& conflict, const std::string& answer);
// The session's data that are not on this device shall come with the next sync.
int device_fetch(const DeviceOptions& device, const std::string& session);
// What the sessions take; a cap; removing what is safe elsewhere.
int device_storage(const DeviceOptions& device, const StorageOptions& storage);
// Reads every recording back: hashes, ranges, counts, seals. Exit 1 when one is not whole.
int device_verify(const DeviceOptions& device);
// Saves what can be read of a damaged store into a new one in `output`. Exit 1 when something could not; it is named.
int device_salvage(const DeviceOptions& device, const std::string& output);
// Sends what is pending. Exit 1 when something is still pending or refused at the end.
int device_sync(const DeviceOptions& device, const SyncOptions& sync);
// Syncs until SIGTERM; while it holds the folder the other commands ask it (but for record, which needs the folder for
// itself).
int device_run(const DeviceOptions& device, const SyncOptions& sync);

}  // namespace boathouse::app
