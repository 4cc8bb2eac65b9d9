#include <optional>
#include <string>
#include <vector>

#include "core/db/migrations.hpp"
#include "server/sql/drivers.hpp"
#include "server/sql/migrations.hpp"

namespace boathouse::sql {
namespace {

using base::Result;
using base::Status;

class SqliteStatement final : public StatementDriver {
 public:
  explicit SqliteStatement(db::Statement statement) : statement_(std::move(statement)) {}
  void bind_text(int parameter, std::string_view text) override { statement_.bind(parameter, text); }
  void bind_blob(int parameter, base::ByteView blob) override { statement_.bind(parameter, blob); }
  void bind_integer(int parameter, std::int64_t number) override { statement_.bind(parameter, number); }
  void bind_null(int parameter) override { statement_.bind(parameter, nullptr); }
  Result<bool> step() override { return statement_.step(); }
  void reset() override { statement_.reset(); }
  [[nodiscard]] bool is_null(int column) const override { return statement_.is_null(column); }
  [[nodiscard]] std::int64_t integer(int column) const override { return statement_.integer(column); }
  [[nodiscard]] std::string_view text(int column) const override { return statement_.text(column); }
  [[nodiscard]] base::ByteView blob(int column) const override { return statement_.blob(column); }

 private:
  db::Statement statement_;
};

class SqliteConnection final : public ConnectionDriver {
 public:
  explicit SqliteConnection(db::Connection connection) : connection_(std::move(connection)) {}

  [[nodiscard]] Dialect dialect() const override { return Dialect::sqlite; }
  Result<std::unique_ptr<StatementDriver>> prepare(std::string_view sql) override {
    auto statement = connection_.prepare(sql);
    if (!statement) {
      return statement.error();
    }
    return std::unique_ptr<StatementDriver>(std::make_unique<SqliteStatement>(std::move(*statement)));
  }
  Status execute(const std::string& sql) override { return connection_.execute(sql); }
  [[nodiscard]] std::int64_t changes() const override { return connection_.changes(); }

  Status begin_writing() override {
    auto transaction = db::Transaction::begin(connection_);
    if (!transaction) {
      return transaction.error();
    }
    transaction_.emplace(std::move(*transaction));
    return {};
  }
  Status begin_reading() override { return connection_.execute("BEGIN"); }
  Status commit() override {
    const Status committed = transaction_->commit();
    if (committed) {
      transaction_.reset();
    }
    return committed;
  }
  void rollback() override {
    transaction_.reset();
    if (connection_.in_transaction()) {
      (void)connection_.execute("ROLLBACK");
    }
  }

  Result<bool> lead() override { return true; }

  Status migrate(const Schema& schema) override {
    std::vector<std::string> texts;
    for (const Migration& migration : schema.migrations) {
      texts.push_back(std::string(migration.tables) + std::string(migration.move_sqlite));
    }
    std::vector<db::Migration> migrations;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      migrations.push_back({schema.migrations[i].version, texts[i]});
    }
    return db::migrate(connection_, {schema.name, schema.application_id, migrations});
  }

 private:
  db::Connection connection_;
  std::optional<db::Transaction> transaction_;  // the one that writes
};

}  // namespace

Result<Connection> open_sqlite(const std::string& file, const db::Options& options) {
  auto connection = db::Connection::open(file, options);
  if (!connection) {
    return connection.error();
  }
  return Connection(std::make_unique<SqliteConnection>(std::move(*connection)));
}

}  // namespace boathouse::sql
