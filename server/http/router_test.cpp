#include "server/http/router.hpp"

#include <gtest/gtest.h>

namespace boathouse::http {
namespace {

using Segments = std::vector<std::string>;

Route make_route(Method method, std::string pattern, std::string name = "") {
  Route route;
  route.method = method;
  route.name = name.empty() ? std::string(http::name(method)) + " " + pattern : std::move(name);
  route.pattern = std::move(pattern);
  route.handler = [](const Request&) { return Response(); };
  return route;
}

RouteTable sessions() {
  RouteTable table;
  for (Route& route : std::vector<Route>{
           make_route(Method::get, "/", "root"), make_route(Method::get, "/v1/sessions", "list"),
           make_route(Method::post, "/v1/sessions", "create"), make_route(Method::get, "/v1/sessions/{id}", "one"),
           make_route(Method::delete_, "/v1/sessions/{session}", "remove"),
           make_route(Method::get, "/v1/sessions/{id}/export.csv", "csv"),
           make_route(Method::get, "/v1/sessions/latest", "latest"),
           make_route(Method::get, "/v1/{kind}/{id}/audit", "audit")}) {
    EXPECT_TRUE(table.add(std::move(route)).ok());
  }
  return table;
}

std::string found(const RouteTable& table, Method method, const Segments& segments) {
  const Match match = table.match(method, segments);
  switch (match.outcome) {
    case Match::Outcome::found:
      return match.route->name;
    case Match::Outcome::wrong_method:
      return "405 " + match.allow;
    case Match::Outcome::not_found:
      break;
  }
  return "404";
}

TEST(RouteTable, MatchesExactly) {
  const RouteTable table = sessions();
  EXPECT_EQ(found(table, Method::get, {}), "root");
  EXPECT_EQ(found(table, Method::get, {"v1", "sessions"}), "list");
  EXPECT_EQ(found(table, Method::get, {"v1", "sessions", "x"}), "one");
  EXPECT_EQ(found(table, Method::get, {"v1", "sessions", "x", "export.csv"}), "csv");
  EXPECT_EQ(found(table, Method::get, {"v1", "sessions", ""}), "404");
  EXPECT_EQ(found(table, Method::get, {"v1", "Sessions"}), "404");
  EXPECT_EQ(found(table, Method::get, {"v1"}), "404");
  EXPECT_EQ(found(table, Method::get, {"v1", "sessions", "x", "export.csv", "y"}), "404");
  EXPECT_EQ(found(table, Method::get, {"v1", "sessions", "a/b"}), "one");
}

TEST(RouteTable, PrefersTheLiteralAndComesBackFromIt) {
  const RouteTable table = sessions();
  EXPECT_EQ(found(table, Method::get, {"v1", "sessions", "latest"}), "latest");
  EXPECT_EQ(found(table, Method::get, {"v1", "sessions", "latest", "export.csv"}), "csv");
  EXPECT_EQ(found(table, Method::get, {"v1", "sessions", "x", "audit"}), "audit");
  EXPECT_EQ(found(table, Method::delete_, {"v1", "sessions", "latest"}), "405 GET, HEAD, OPTIONS");
}

TEST(RouteTable, NamesTheParametersByTheRoute) {
  const RouteTable table = sessions();
  EXPECT_EQ(table.match(Method::get, {"v1", "sessions", "x"}).parameters, (Parameters{{"id", "x"}}));
  EXPECT_EQ(table.match(Method::delete_, {"v1", "sessions", "x"}).parameters, (Parameters{{"session", "x"}}));
  EXPECT_EQ(table.match(Method::get, {"v1", "teams", "t", "audit"}).parameters,
            (Parameters{{"kind", "teams"}, {"id", "t"}}));
  EXPECT_TRUE(table.match(Method::get, {}).parameters.empty());
}

TEST(RouteTable, KnowsTheOtherMethods) {
  const RouteTable table = sessions();
  EXPECT_EQ(found(table, Method::head, {"v1", "sessions"}), "list");
  EXPECT_EQ(found(table, Method::put, {"v1", "sessions"}), "405 GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(found(table, Method::other, {"v1", "sessions"}), "405 GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(found(table, Method::options, {"v1", "sessions", "x"}), "405 GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(table.allow_all(), "GET, HEAD, POST, DELETE, OPTIONS");
}

TEST(RouteTable, RefusesBadRoutes) {
  for (const char* pattern : {"", "v1", "/v1/", "//", "/a b", "/{}", "/{Id}", "/{id", "/{id}x", "/x{id}", "/a/..",
                              "/{id}/{id}", "/%41", "/{a b}"}) {
    RouteTable table;
    const base::Status added = table.add(make_route(Method::get, pattern, "name"));
    ASSERT_FALSE(added.ok()) << pattern;
    EXPECT_EQ(added.error().code, base::ErrorCode::invalid_input);
    EXPECT_TRUE(table.routes().empty());
  }
  RouteTable table;
  EXPECT_FALSE(table.add(make_route(Method::other, "/a", "name")).ok());
  Route unnamed = make_route(Method::get, "/a");
  unnamed.name.clear();
  EXPECT_FALSE(table.add(unnamed).ok());
  Route empty = make_route(Method::get, "/a");
  empty.handler = Handler();
  EXPECT_FALSE(table.add(empty).ok());
  Route probe = make_route(Method::get, "/a");
  probe.admission = Admission::probe;
  probe.handler = AsyncHandler([](Request, Reply) {});
  EXPECT_FALSE(table.add(probe).ok());
  Route waiting = make_route(Method::get, "/a");
  waiting.admission = Admission::probe;
  waiting.waits_elsewhere = true;
  EXPECT_FALSE(table.add(waiting).ok());
}

TEST(RouteTable, RefusesWhatIsThereAlready) {
  RouteTable table = sessions();
  EXPECT_EQ(table.add(make_route(Method::get, "/v1/sessions/{other}", "new")).error().code, base::ErrorCode::conflict);
  EXPECT_EQ(table.add(make_route(Method::get, "/v2", "list")).error().code, base::ErrorCode::conflict);
}

TEST(RouteTable, KeepsItsRoutesWhenItMoves) {
  RouteTable table = sessions();
  const Route* first = table.match(Method::get, {}).route;
  const RouteTable moved = std::move(table);
  EXPECT_EQ(moved.match(Method::get, {}).route, first);
  EXPECT_EQ(&moved.routes().front(), first);
}

TEST(RouteTable, TellsHandlersOfBothKindsApart) {
  Route route = make_route(Method::get, "/a");
  EXPECT_TRUE(std::holds_alternative<Handler>(route.handler));
  route.handler = [](Request, const Reply& reply) { reply(Response()); };
  EXPECT_TRUE(std::holds_alternative<AsyncHandler>(route.handler));
}

}  // namespace
}  // namespace boathouse::http
