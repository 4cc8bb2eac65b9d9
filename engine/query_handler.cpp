#include "engine/query_handler.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/random.hpp"
#include "engine/http/content_coding.hpp"
#include "engine/http/exception.hpp"
#include "engine/http/http_reply.hpp"
#include "engine/metrics.hpp"

namespace boathouse::engine {
namespace {

using engine_http::exception;
using engine_http::Framing;
using engine_http::HttpRequest;
using engine_http::QueryRequest;
using engine_http::ReplyHead;
using engine_http::Statement;

constexpr std::size_t kMaxSqlBytes = 1024 * 1024;
constexpr std::chrono::seconds kLeasePatience{30};

// Where neither the SQL text nor the request names one.
constexpr std::string_view kDefaultFormat = "TabSeparated";

std::string new_query_id() {
  std::array<std::uint8_t, 16> bytes{};
  base::SystemRandom().fill(bytes);
  return base::to_hex(bytes);
}

base::Result<std::string> read_sql(BodyReader& body) {
  std::string sql;
  while (true) {
    const auto piece = body.next();
    if (!piece) return piece.error();
    if (piece->empty()) {
      return sql;
    }
    if (sql.size() + piece->size() > kMaxSqlBytes) {
      return exception(engine_http::kQueryIsTooLarge,
                       "the SQL text has more than " + std::to_string(kMaxSqlBytes) + " bytes");
    }
    sql.append(*piece);
  }
}

std::string format_of(const QueryRequest& asked, const Statement& statement) {
  if (!statement.format.empty()) {
    return statement.format;
  }
  return asked.format.empty() ? std::string(kDefaultFormat) : asked.format;
}

ReplyHead result_head(const QueryRequest& asked, const std::string& format) {
  ReplyHead head;
  head.content_type = engine_http::content_type(format);
  head.headers.push_back({"X-ClickHouse-Query-Id", asked.query_id});
  head.headers.push_back({"X-ClickHouse-Format", format});
  return head;
}

void add_summary(ReplyHead& head, const engine_http::Summary& summary) {
  head.headers.push_back({"X-ClickHouse-Summary", engine_http::to_json(summary)});
}

base::Error needs_post() {
  return exception(engine_http::kReadonly, "with GET only statements that change nothing are run: use POST");
}

}  // namespace

bool QueryHandler::handle(const HttpRequest& request, Connection& connection, bool keep_alive) {
  BodyReader body(connection, request);
  ReplyWriter reply(connection, keep_alive && request.keep_alive);
  const base::Status status = route(request, body, reply);
  if (!status) {
    if (reply.begun()) {
      return false;
    }
    // What is left of the body would be taken for the next request.
    return reply.error(status.error(), body.ended()).ok() && reply.keep_alive();
  }
  return reply.keep_alive() && body.ended();
}

base::Status QueryHandler::route(const HttpRequest& request, BodyReader& body, ReplyWriter& reply) {
  if (request.method != "GET" && request.method != "POST") {
    return exception(engine_http::kNotImplemented, "only GET and POST are answered here");
  }
  if (request.path == "/ping") {
    return reply.whole({}, "Ok.\n");
  }
  if (!password_.empty()) {
    BOATHOUSE_TRY(engine_http::check_password(request, password_));
  }
  if (request.path == "/metrics") {
    return metrics(reply);
  }
  if (request.path == "/") {
    return query(request, body, reply);
  }
  ReplyHead head;
  head.status = 404;
  return reply.whole(std::move(head), "There is nothing at this address; there are /, /ping and /metrics.\n");
}

base::Status QueryHandler::metrics(ReplyWriter& reply) {
  auto session = database_.lease(kLeasePatience);
  if (!session) return session.error();
  const auto rows = session->query(kMetricsQuery, "Prometheus", {});
  if (!rows) {
    session->forget_handle();
    return rows.error();
  }
  ReplyHead head;
  head.content_type = engine_http::content_type("Prometheus");
  return reply.whole(std::move(head), rows->bytes());
}

base::Status QueryHandler::query(const HttpRequest& request, BodyReader& body, ReplyWriter& reply) {
  auto asked = engine_http::read_query_request(request);
  if (!asked) return asked.error();
  if (asked->query_id.empty()) {
    asked->query_id = new_query_id();
  }
  const std::string* encoding = request.header("content-encoding");
  auto decoder = engine_http::make_content_decoder(encoding == nullptr ? "" : *encoding);
  if (!decoder) return decoder.error();
  body.decode_with(std::move(*decoder));

  const std::string* accepted = request.header("accept-encoding");
  if (accepted != nullptr && engine_http::may_be_compressed(*asked)) {
    reply.encode_with(engine_http::choose_content_encoder(*accepted));
  }

  const bool get = request.method == "GET";
  if (!asked->query && !body.has_framing() && get) {
    return reply.whole({}, "Ok.\n");  // as ClickHouse answers a bare address
  }
  auto sql = asked->query ? base::Result<std::string>(*asked->query) : read_sql(body);
  if (!sql) return sql.error();
  const auto statement = engine_http::read_statement(*sql);
  if (!statement) return statement.error();

  if (statement->takes_data) {
    if (get) {
      return needs_post();
    }
    if (!asked->query) {
      return exception(engine_http::kSyntaxError,
                       "send the text of an INSERT as the parameter `query`: the body is for its rows");
    }
    if (!body.has_framing()) {
      return exception(engine_http::kHttpLengthRequired, "the body needs a Content-Length or chunks");
    }
  } else if (asked->query) {
    const auto piece = body.next();
    if (!piece) return piece.error();
    if (!piece->empty()) {
      return exception(engine_http::kSyntaxError,
                       "this statement takes no rows: with the parameter `query` the body must be empty");
    }
  }

  auto session = database_.lease(kLeasePatience);
  if (!session) return session.error();
  const base::Status status = run_leased(*session, *asked, *statement, get, body, reply);
  if (!status) {
    // After a statement that failed half-way libchdb 26.7.3 puts the rows it had before those of the handle's next one.
    session->forget_handle();
  }
  return status;
}

base::Status QueryHandler::run_leased(Session& session, const QueryRequest& asked, const Statement& statement, bool get,
                                      BodyReader& body, ReplyWriter& reply) {
  BOATHOUSE_TRY(session.configure(asked.database, asked.settings));
  if (statement.takes_data) {
    return insert(session, asked, statement, body, reply);
  }
  const Analysis analysis = session.analyze(statement.sql);
  if (analysis.statements > 1) {
    return exception(engine_http::kSyntaxError, "Multi-statements are not allowed: send one statement a request");
  }
  // A text that does not parse (0 statements) goes on, for the engine's own words about it.
  const bool read_only = analysis.statement_class == StatementClass::read_only;
  if (get && !read_only && analysis.statements != 0) {
    return needs_post();
  }
  if (!read_only && analysis.statement_class != StatementClass::writes) {
    session.forget_handle();
  }
  return run(session, asked, statement, read_only, reply);
}

base::Status QueryHandler::insert(Session& session, const QueryRequest& asked, const Statement& statement,
                                  BodyReader& body, ReplyWriter& reply) {
  const std::string format = statement.format.empty() ? asked.format : statement.format;
  if (format.empty()) {
    return exception(engine_http::kSyntaxError, "the INSERT names no FORMAT for its rows");
  }
  auto stream = session.insert(statement.sql, format, asked.parameters);
  if (!stream) return stream.error();
  while (true) {
    const auto piece = body.next();
    if (!piece) return piece.error();
    if (piece->empty()) {
      break;
    }
    BOATHOUSE_TRY(stream->append(*piece));
  }
  const auto summary = stream->finish();
  if (!summary) return summary.error();
  ReplyHead head = result_head(asked, format);
  add_summary(head, *summary);
  return reply.whole(std::move(head), {});
}

base::Status QueryHandler::run(Session& session, const QueryRequest& asked, const Statement& statement, bool read_only,
                               ReplyWriter& reply) {
  const std::string format = format_of(asked, statement);
  ReplyHead head = result_head(asked, format);
  const bool stream_it =
      read_only && statement.is_select && !asked.wait_end_of_query && engine_http::is_streamable(format);
  if (!stream_it) {
    const auto rows = session.query(statement.sql, format, asked.parameters);
    if (!rows) return rows.error();
    add_summary(head, rows->summary());
    return reply.whole(std::move(head), rows->bytes());
  }
  auto stream = session.stream(statement.sql, format, asked.parameters);
  if (!stream) return stream.error();
  while (true) {
    const auto rows = stream->next();
    if (!rows) return rows.error();
    if (!reply.begun()) {
      BOATHOUSE_TRY(reply.begin(head));
    }
    if (rows->bytes().empty()) {
      return reply.end();
    }
    BOATHOUSE_TRY(reply.chunk(rows->bytes()));
  }
}

}  // namespace boathouse::engine
