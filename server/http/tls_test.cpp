#include "server/http/tls.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "server/http/test_tls.hpp"

namespace boathouse::http {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::make_certificate;
using testing::TemporaryFolder;

std::string refusal_of(const TlsFiles& files) {
  const auto context = TlsContext::for_server(files);
  EXPECT_FALSE(context.ok());
  EXPECT_EQ(context.error().code, base::ErrorCode::invalid_input);
  return context.error().text;
}

TEST(TlsContext, SaysWhoseCertificateItIsAndHowLong) {
  const TemporaryFolder folder;
  const auto context = TlsContext::for_server(make_certificate(folder, "shed"));
  ASSERT_TRUE(context.ok()) << context.error().text;
  EXPECT_THAT((*context)->certificate(), AllOf(HasSubstr("CN=shed"), HasSubstr("valid until")));
}

TEST(TlsContext, RefusesWhatIsNoPairOfCertificateAndKeyAndNamesTheFix) {
  const TemporaryFolder folder;
  const TlsFiles good = make_certificate(folder, "good");
  const TlsFiles other = make_certificate(folder, "other");
  const TlsFiles locked = make_certificate(folder, "locked", "IP:127.0.0.1", "secret");
  const std::string text = folder.file("text");
  std::ofstream(text) << "no certificate\n";
  ::chmod(text.c_str(), 0600);

  EXPECT_THAT(refusal_of({good.certificate, folder.file("none")}), HasSubstr("No such file"));
  EXPECT_THAT(refusal_of({folder.file("none"), good.key}), HasSubstr(folder.file("none")));
  EXPECT_THAT(refusal_of({text, good.key}), AllOf(HasSubstr("certificate " + text), HasSubstr("PEM")));
  EXPECT_THAT(refusal_of({good.certificate, text}), HasSubstr("key " + text));
  EXPECT_THAT(refusal_of({good.certificate, other.key}), HasSubstr("is not that of the certificate"));
  EXPECT_THAT(refusal_of(locked), HasSubstr("has a passphrase"));
  ::chmod(good.key.c_str(), 0644);
  EXPECT_THAT(refusal_of(good), AllOf(HasSubstr("mode 0644"), HasSubstr("chmod 600 " + good.key)));
  ::chmod(good.key.c_str(), 0640);
  EXPECT_TRUE(TlsContext::for_server(good).ok());
}

TEST(TlsContext, AClientNeedsItsCaFile) {
  const TemporaryFolder folder;
  const auto context = TlsContext::for_client(folder.file("none"));
  ASSERT_FALSE(context.ok());
  EXPECT_THAT(context.error().text, HasSubstr(folder.file("none")));
  EXPECT_TRUE(TlsContext::for_client("").ok());
}

}  // namespace
}  // namespace boathouse::http
