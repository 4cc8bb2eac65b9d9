// One request, whatever it asks: /ping, /metrics, a statement, an insert. The contract is in README.md.
// Thread rule: handle() from any thread, each with a connection of its own.
#pragma once

#include <string>

#include "engine/connection.hpp"
#include "engine/database.hpp"
#include "engine/http/http_request.hpp"
#include "engine/http/query_request.hpp"
#include "engine/http/statement.hpp"

namespace boathouse::engine {

class QueryHandler {
 public:
  // An empty password lets everybody in.
  QueryHandler(Database& database, std::string password) : database_(database), password_(std::move(password)) {}

  // Answers. True: the connection may carry a further request; false: it must be closed, after Connection::linger().
  bool handle(const engine_http::HttpRequest& request, Connection& connection, bool keep_alive);

 private:
  base::Status route(const engine_http::HttpRequest& request, BodyReader& body, ReplyWriter& reply);
  base::Status metrics(ReplyWriter& reply);
  base::Status query(const engine_http::HttpRequest& request, BodyReader& body, ReplyWriter& reply);
  base::Status run_leased(Session& session, const engine_http::QueryRequest& asked,
                          const engine_http::Statement& statement, bool get, BodyReader& body, ReplyWriter& reply);
  base::Status insert(Session& session, const engine_http::QueryRequest& asked, const engine_http::Statement& statement,
                      BodyReader& body, ReplyWriter& reply);
  base::Status run(Session& session, const engine_http::QueryRequest& asked, const engine_http::Statement& statement,
                   bool read_only, ReplyWriter& reply);

  Database& database_;
  const std::string password_;
};

}  // namespace boathouse::engine
