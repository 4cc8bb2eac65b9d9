// The guard against calls into one's own network.
#include "server/webhooks/target.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>

#include "core/base/random.hpp"

namespace boathouse::webhooks {
namespace {

using base::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;

class BadUrl : public testing::TestWithParam<const char*> {};

TEST_P(BadUrl, IsRefused) {
  const auto target = parse_target(GetParam(), {});
  ASSERT_FALSE(target) << target->url();
  EXPECT_EQ(target.error().code, ErrorCode::invalid_input);
}

INSTANTIATE_TEST_SUITE_P(All, BadUrl,
                         testing::Values(
                             // not https
                             "", "http://example.com/", "ftp://example.com/", "file:///etc/passwd",
                             "gopher://127.0.0.1:6379/_FLUSHALL", "//example.com/", "HTTPS://example.com/",
                             // this machine and its network
                             "https://localhost/", "https://LOCALHOST/", "https://a.localhost/", "https://127.0.0.1/",
                             "https://127.8.9.1:8443/", "https://0.0.0.0/", "https://10.0.0.1/", "https://172.16.0.1/",
                             "https://172.31.255.255/", "https://192.168.1.1/", "https://100.64.0.1/",
                             "https://printer/", "https://nas.local/", "https://metadata.google.internal/",
                             "https://169.254.169.254/latest/meta-data/", "https://168.63.129.16/",
                             // numbers in disguise
                             "https://0x7f.1/", "https://0x7f000001/", "https://2130706433/", "https://017700000001/",
                             "https://127.1/", "https://127.0.0.01/", "https://0177.0.0.1/", "https://example.0x7f/",
                             "https://1.2.3.4.5/", "https://256.1.1.1/", "https://8.8.8/",
                             // IPv6
                             "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::127.0.0.1]/",
                             "https://[::ffff:8.8.8.8]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/",
                             "https://[2001:0:7f00:1::]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/",
                             "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[ff02::1]/",
                             "https://[2001:db8::1]/", "https://[::1", "https://[127.0.0.1]/", "https://[::1]x/",
                             // reserved
                             "https://192.0.2.1/", "https://198.51.100.7/", "https://203.0.113.9/",
                             "https://198.18.0.1/", "https://224.0.0.1/", "https://255.255.255.255/",
                             // tricks of writing
                             "https://user@example.com/", "https://user:password@example.com/",
                             "https://example.com@127.0.0.1/", "https://example.com\\@127.0.0.1/",
                             "https://example.com#@127.0.0.1/", "https://example.com/#fragment",
                             "https://exa mple.com/", "https://example.com/a b", "https://example.com/\r\nHost: x",
                             "https://example.com\t/", "https://example%2ecom/", "https://example.com./",
                             "https://example..com/", "https://.example.com/", "https://ex\xc3\xa4mple.com/",
                             "https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/",
                             "https://127\xe3\x80\x82"
                             "0.0.1/",
                             "https://-example.com/", "https:///path", "https://?q",
                             // ports
                             "https://example.com:22/", "https://example.com:25/", "https://example.com:0/",
                             "https://example.com:65536/", "https://example.com:/", "https://example.com:-1/",
                             "https://example.com:443x/", "https://example.com:99999999999/"));

TEST(Target, TooLongIsRefused) {
  const std::string url = "https://example.com/";
  EXPECT_TRUE(parse_target(url + std::string(kMaxUrl - url.size(), 'a'), {}));
  EXPECT_FALSE(parse_target(url + std::string(kMaxUrl - url.size() + 1, 'a'), {}));
  EXPECT_FALSE(parse_target("https://" + std::string(64, 'a') + ".com/", {}));
}

TEST(Target, IsPutTogetherFromItsParts) {
  EXPECT_EQ(parse_target("https://Hooks.Example.com", {})->url(), "https://hooks.example.com:443/");
  EXPECT_EQ(parse_target("https://example.com?a=1", {})->url(), "https://example.com:443/?a=1");
  EXPECT_EQ(parse_target("https://example.com:8443/in/1?b=@:/", {})->url(), "https://example.com:8443/in/1?b=@:/");
  EXPECT_EQ(parse_target("https://xn--mller-kva.example/", {})->host, "xn--mller-kva.example");
  EXPECT_EQ(parse_target("https://8.8.8.8/", {})->url(), "https://8.8.8.8:443/");
  EXPECT_EQ(parse_target("https://[2606:4700:0::1111]/", {})->url(), "https://[2606:4700::1111]:443/");
  EXPECT_EQ(parse_target("https://0x.example.com/", {})->host, "0x.example.com");
}

TEST(Target, HttpIsForTheLoopbackAloneAndOnlyIfAllowed) {
  const Policy policy{.allow_private = false, .allow_http_loopback = true};
  EXPECT_EQ(parse_target("http://127.0.0.1:8080/in", policy)->url(), "http://127.0.0.1:8080/in");
  EXPECT_TRUE(parse_target("http://[::1]:80/", policy));
  EXPECT_FALSE(parse_target("http://10.0.0.1/", policy));
  EXPECT_FALSE(parse_target("http://8.8.8.8/", policy));
  EXPECT_FALSE(parse_target("https://127.0.0.1/", policy));
  const auto named = parse_target("http://localhost/", policy);
  ASSERT_TRUE(named);
  const auto addresses = [&](const char* address) {
    return allowed_addresses(*named, policy, [&](const std::string&) { return std::vector{*Address::parse(address)}; });
  };
  EXPECT_TRUE(addresses("127.0.0.1"));
  EXPECT_EQ(addresses("8.8.8.8").error().code, ErrorCode::forbidden);
}

TEST(Target, APrivateNetworkIsTheOperatorsChoiceButNoMetadataAndNotThisMachine) {
  const Policy policy{.allow_private = true, .allow_http_loopback = false};
  for (const char* url : {"https://10.1.2.3/", "https://192.168.0.9:8443/", "https://172.20.0.1/", "https://[fd12::1]/",
                          "https://nas/", "https://nas.local/"}) {
    EXPECT_TRUE(parse_target(url, policy)) << url;
  }
  for (const char* url :
       {"https://127.0.0.1/", "https://169.254.169.254/", "https://[fe80::1]/", "https://[::1]/",
        "https://[fd00:ec2::254]/", "https://100.100.100.200/", "http://10.1.2.3/", "https://0.0.0.0/"}) {
    EXPECT_FALSE(parse_target(url, policy)) << url;
  }
}

// A name that answers with a good and a bad address, or with another one the next time: asked once, all must be good.
TEST(Target, EveryAddressMustBeAllowedAndTheNameIsAskedOnce) {
  const auto target = *parse_target("https://rebind.example/", {});
  int asked = 0;
  std::vector<Address> answer;
  const Resolver resolve = [&](const std::string& host) -> base::Result<std::vector<Address>> {
    EXPECT_EQ(host, "rebind.example");
    ++asked;
    return answer;
  };
  answer = {*Address::parse("8.8.8.8"), *Address::parse("2606:4700::1111")};
  EXPECT_THAT(*allowed_addresses(target, {}, resolve), ElementsAre(answer[0], answer[1]));
  EXPECT_EQ(asked, 1);
  for (const char* bad : {"127.0.0.1", "10.0.0.1", "::1", "::ffff:10.0.0.1", "fe80::1", "169.254.169.254", "0.0.0.0"}) {
    answer = {*Address::parse("8.8.8.8"), *Address::parse(bad)};
    const auto refused = allowed_addresses(target, {}, resolve);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::forbidden);
    EXPECT_THAT(refused.error().text, testing::Not(HasSubstr(bad)));
  }
  answer.clear();
  EXPECT_EQ(allowed_addresses(target, {}, resolve).error().code, ErrorCode::unavailable);
}

TEST(Target, ALiteralAddressIsNotResolved) {
  const auto target = *parse_target("https://8.8.8.8/", {});
  const auto addresses = allowed_addresses(target, {}, [](const std::string&) -> base::Result<std::vector<Address>> {
    return base::Error{ErrorCode::internal, "was asked"};
  });
  ASSERT_TRUE(addresses);
  EXPECT_EQ(addresses->at(0).text(), "8.8.8.8");
}

// The C library reads "0x7f.1" or "127.1" as an address. What is taken for a name here must be none to it.
TEST(Target, NoNameIsANumberToTheSystem) {
  base::SeededRandom random{1};
  constexpr std::string_view kAlphabet = "0123456789abcdefx..x.0";
  int names = 0;
  int literals = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string host(1 + random.below(12), '.');
    for (char& c : host) {
      c = kAlphabet[random.below(kAlphabet.size())];
    }
    const auto target = parse_target("https://" + host + "/", {});
    if (!target) {
      continue;
    }
    in_addr seen{};
    const bool is_number = ::inet_aton(host.c_str(), &seen) != 0;
    ASSERT_EQ(is_number, target->literal.has_value()) << host;
    ++(is_number ? literals : names);
    const auto again = parse_target(target->url(), {});
    ASSERT_TRUE(again) << host;
    EXPECT_EQ(again->url(), target->url());
  }
  EXPECT_GT(names, 1000);
  EXPECT_GT(literals, 0);
}

// The edges of the ranges: one address to either side.
TEST(Target, KnowsWhatIsPublic) {
  for (const char* text :
       {"1.0.0.0",         "9.255.255.255",   "11.0.0.0",    "100.63.255.255",  "100.128.0.0", "126.255.255.255",
        "128.0.0.0",       "169.253.255.255", "169.255.0.0", "172.15.255.255",  "172.32.0.0",  "192.167.255.255",
        "192.169.0.0",     "198.17.255.255",  "198.20.0.0",  "223.255.255.255", "2000::1",     "2001:200::1",
        "2606:4700::1111", "2003::1",         "3ffe::1"}) {
    EXPECT_TRUE(is_public(*Address::parse(text))) << text;
  }
  for (const char* text :
       {"0.255.255.255", "10.255.255.255", "100.64.0.0",      "100.127.255.255", "127.255.255.255",  "169.254.0.0",
        "172.16.0.0",    "172.31.255.255", "192.168.255.255", "198.19.255.255",  "224.0.0.0",        "239.255.255.255",
        "240.0.0.0",     "1fff::1",        "4000::1",         "2001:1ff::1",     "2001:db8:ffff::1", "2002::1",
        "3fff:fff::1",   "fdff::1",        "febf::1"}) {
    EXPECT_FALSE(is_public(*Address::parse(text))) << text;
  }
}

}  // namespace
}  // namespace boathouse::webhooks
