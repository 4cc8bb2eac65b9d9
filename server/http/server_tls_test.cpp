// The server with TLS around it.
#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include <filesystem>

#include "server/http/server.hpp"
#include "server/http/test_client.hpp"
#include "server/http/test_tls.hpp"

namespace boathouse::http {
namespace {

using namespace std::chrono_literals;
using testing::add_route;
using testing::Answer;
using testing::Client;
using ::testing::HasSubstr;
using testing::make_certificate;
using testing::TemporaryFolder;
using testing::TestServer;
using testing::text_route;
using testing::trusting;

void fill_for_tls(RouteTable& routes) {
  add_route(routes, text_route("/hello", "hello"));
  add_route(routes, text_route("/long", std::string(3'000'000, 'l')));
  Route upload;
  upload.method = Method::post;
  upload.pattern = upload.name = "/upload";
  upload.max_body_bytes = 1 << 20;
  upload.handler = [](const Request& request) {
    return make_response(200, "text/plain", std::to_string(request.body.size()));
  };
  add_route(routes, upload);
}

class ServerTls : public ::testing::Test {
 protected:
  Options with_tls() {
    Options options;
    options.tls = files_;
    return options;
  }
  // "", or why there is no TLS.
  std::string handshake(TestServer& server, const TlsFiles& trusted, const std::string& host = "127.0.0.1") {
    Client client(server.port());
    return client.begin_tls(*trusting(trusted), host);
  }

  TemporaryFolder folder_;
  TlsFiles files_ = make_certificate(folder_, "server");
};

TEST_F(ServerTls, AnswersOverTlsAsWithoutIt) {
  TestServer server(fill_for_tls, with_tls());
  Client client(server.port());
  ASSERT_EQ(client.begin_tls(*trusting(files_)), "");
  EXPECT_EQ(client.get("/hello").body, "hello");
  const Answer answer = client.get("/long");
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, std::string(3'000'000, 'l'));
  const std::string post = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
  EXPECT_EQ(client.ask(post + std::string(1'000'000, 'u')).body, "1000000");
  EXPECT_EQ(client.get("/hello", "Connection: close\r\n").body, "hello");
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(server.accesses(4).size(), 4U);
}

TEST_F(ServerTls, EveryAnswerAsksToBeCalledOverTlsAgain) {
  TestServer server(fill_for_tls, with_tls());
  for (const std::string& ask :
       {std::string("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"),
        std::string("nonsense\r\n\r\n")}) {
    Client client(server.port());
    ASSERT_EQ(client.begin_tls(*trusting(files_)), "");
    EXPECT_EQ(client.ask(ask).header("Strict-Transport-Security"), "max-age=31536000") << ask;
  }
}

TEST_F(ServerTls, TheClientChecksWhoItIs) {
  TestServer server(fill_for_tls, with_tls());
  const std::string stranger = handshake(server, make_certificate(folder_, "stranger"));
  EXPECT_THAT(stranger, HasSubstr("certificate is not trusted"));
  EXPECT_THAT(stranger, HasSubstr("--ca-file"));
  EXPECT_THAT(handshake(server, files_, "127.0.0.2"), HasSubstr("mismatch"));
  EXPECT_THAT(handshake(server, files_, "boathouse.example"), HasSubstr("mismatch"));
  EXPECT_EQ(handshake(server, files_), "");
}

TEST_F(ServerTls, PlainHttpHearsWhatIsSpokenHere) {
  TestServer server(fill_for_tls, with_tls());
  Client client(server.port());
  const Answer answer = client.get("/hello");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("urn:boathouse:problem:tls-required"));
  EXPECT_THAT(answer.body, HasSubstr("https://"));
  EXPECT_TRUE(client.at_end());
}

// What a client of the outside offers: it does not use our own context.
struct Offer {
  int max_version = TLS1_3_VERSION;
  std::string protocol = "http/1.1";
};
bool accepted(TestServer& server, const Offer& offer, std::string& chosen) {
  Client client(server.port());
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_max_proto_version(context, offer.max_version);
  const std::string protocols = static_cast<char>(offer.protocol.size()) + offer.protocol;
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(protocols.data()),
                          static_cast<unsigned>(protocols.size()));
  SSL* session = SSL_new(context);
  SSL_set_fd(session, client.socket());
  const bool done = SSL_connect(session) == 1;
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(session, &name, &length);
  chosen.assign(reinterpret_cast<const char*>(name), length);
  SSL_free(session);
  SSL_CTX_free(context);
  return done;
}

TEST_F(ServerTls, SpeaksTls12And13AndHttp11Alone) {
  TestServer server(fill_for_tls, with_tls());
  std::string chosen;
  EXPECT_TRUE(accepted(server, {TLS1_3_VERSION, "http/1.1"}, chosen));
  EXPECT_EQ(chosen, "http/1.1");
  EXPECT_TRUE(accepted(server, {TLS1_2_VERSION, "http/1.1"}, chosen));
  EXPECT_EQ(chosen, "http/1.1");
  EXPECT_FALSE(accepted(server, {TLS1_1_VERSION, "http/1.1"}, chosen));
  EXPECT_FALSE(accepted(server, {TLS1_3_VERSION, "h2"}, chosen));
}

TEST_F(ServerTls, ClosesOnAClientThatDelaysItsHandshake) {
  Options options = with_tls();
  options.timeouts.handshake = 100ms;
  TestServer server(fill_for_tls, options);
  Client silent(server.port());
  EXPECT_TRUE(silent.at_end());
  Client half(server.port());
  half.send("\x16\x03\x01");
  EXPECT_TRUE(half.at_end());
  Client dripping(server.port());
  int sent = 0;
  dripping.send(std::string_view("\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb\x03\x03", 11));  // a long hello begins
  while (sent < 15'000 && !dripping.readable(2)) {
    dripping.send("a");
    ++sent;
  }
  EXPECT_LT(sent, 15'000);
}

TEST_F(ServerTls, TurnsAwayConnectionsOverTheLimit) {
  Options options = with_tls();
  options.limits.connections = 1;
  TestServer server(fill_for_tls, options);
  Client first(server.port());
  ASSERT_EQ(first.begin_tls(*trusting(files_)), "");
  EXPECT_NE(handshake(server, files_), "");
  EXPECT_EQ(first.get("/hello").body, "hello");
}

TEST_F(ServerTls, TakesAnotherCertificateWithoutDroppingAConnection) {
  TestServer server(fill_for_tls, with_tls());
  Client open(server.port());
  ASSERT_EQ(open.begin_tls(*trusting(files_)), "");
  EXPECT_EQ(open.get("/hello").body, "hello");

  const TlsFiles next = make_certificate(folder_, "next");
  std::filesystem::copy_file(next.certificate, files_.certificate, std::filesystem::copy_options::overwrite_existing);
  const auto half = server.reload_tls();  // its key is still the old one
  ASSERT_FALSE(half.ok());
  EXPECT_THAT(half.error().text, HasSubstr("is not that of the certificate"));
  EXPECT_NE(handshake(server, next), "");

  std::filesystem::copy_file(next.key, files_.key, std::filesystem::copy_options::overwrite_existing);
  const auto whole = server.reload_tls();
  ASSERT_TRUE(whole.ok()) << whole.error().text;
  EXPECT_THAT(*whole, HasSubstr("CN=next"));
  EXPECT_EQ(handshake(server, next), "");
  EXPECT_EQ(open.get("/hello").body, "hello");
}

TEST_F(ServerTls, DoesNotStartWithoutUsableFiles) {
  Options options = with_tls();
  options.tls->key = folder_.file("none");
  RouteTable routes;
  Server server(options, std::move(routes));
  const auto port = server.start();
  ASSERT_FALSE(port.ok());
  EXPECT_EQ(port.error().code, base::ErrorCode::invalid_input);
}

TEST_F(ServerTls, StopsAmongOpenAndHalfOpenConnections) {
  TestServer server(fill_for_tls, with_tls());
  Client open(server.port());
  ASSERT_EQ(open.begin_tls(*trusting(files_)), "");
  EXPECT_EQ(open.get("/hello").body, "hello");
  Client half(server.port());
  half.send("\x16\x03\x01");
  EXPECT_EQ(server.stop(10s), 0U);
  EXPECT_TRUE(open.at_end());
  EXPECT_TRUE(half.at_end());
}

}  // namespace
}  // namespace boathouse::http
