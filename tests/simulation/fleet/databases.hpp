// Where the service keeps what it commits, and what befalls that: files on a simulated disk, or a PostgreSQL server of
// this process's own that two nodes of the service share. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "server/sql/sql.hpp"

namespace boathouse::simulation {

class Databases {
 public:
  virtual ~Databases() = default;

  [[nodiscard]] virtual sql::Place place(const std::string& file) const = 0;
  // Processes of the service that share them.
  [[nodiscard]] virtual std::size_t nodes() const = 0;

  // --- Faults ---

  // Their power goes, now or at the n-th I/O point (of PostgreSQL: of the statements that change something, and of the
  // commits, whose session dies) from now on; 0: it does not. Those without power take the service with them.
  virtual void power_off() = 0;
  virtual void power_off_at(std::uint64_t n) = 0;
  [[nodiscard]] virtual bool powered() const = 0;
  virtual void power_on(std::uint64_t seed) = 0;
  // The n-th one fails, as on a full disk; 0: none.
  virtual void fail_at(std::uint64_t n) = 0;
  // What fails now may do so for a fault that was asked for.
  [[nodiscard]] virtual bool has_fault() const = 0;

  // --- Backups; nobody has them open ---

  virtual void keep() = 0;
  [[nodiscard]] virtual bool has_kept() const = 0;
  // Back to what was kept, as another epoch.
  virtual void set_back(const std::string& epoch) = 0;
};

std::unique_ptr<Databases> make_disk(std::uint64_t seed);

// A database that every run on PostgreSQL begins with a copy of: made once in a process, with its server. Throws
// std::runtime_error, naming why there is none.
class PostgresTemplate {
 public:
  PostgresTemplate();
  // Ends the server.
  ~PostgresTemplate();
  PostgresTemplate(const PostgresTemplate&) = delete;
  PostgresTemplate& operator=(const PostgresTemplate&) = delete;

  [[nodiscard]] std::unique_ptr<Databases> copy() const;

 private:
  sql::Place place_;
};

}  // namespace boathouse::simulation
