#include "server/control/profile.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace boathouse::control {
namespace {

using base::ErrorCode;

TEST(ProfileTest, AddressesLikePeopleHaveAreTaken) {
  for (const char* good : {"anna@example.org", "a.b+rowing@sub.example.co.uk", "zoë@example.org", "o'brien@ex-ample.ie",
                           "x@münchen.example", "1@2.example"}) {
    EXPECT_TRUE(check_email(good)) << good;
  }
}

TEST(ProfileTest, OthersAreRefusedWithAReason) {
  const std::string long_mailbox(65, 'a');
  const std::string long_domain(250, 'a');
  for (const std::string& bad :
       {std::string("anna"), std::string("@example.org"), std::string("anna@"), std::string("anna@example"),
        std::string("a@b@example.org"), std::string("anna @example.org"), std::string("Anna <anna@example.org>"),
        std::string("anna@example..org"), std::string(".anna@example.org"), std::string("an..na@example.org"),
        std::string("anna@-example.org"), std::string("anna@example.org\r\nBcc: x@example.org"),
        std::string("a\0b@example.org", 15), std::string("a\xff@example.org"), std::string("\"a\"@example.org"),
        std::string("a@[127.0.0.1]"), std::string("a,b@example.org"), long_mailbox + "@example.org",
        "a@" + long_domain + ".org"}) {
    const auto status = check_email(bad);
    EXPECT_FALSE(status) << bad;
    EXPECT_EQ(status.error().code, ErrorCode::invalid_input);
  }
}

TEST(ProfileTest, LanguageTagsGetTheirUsualCase) {
  for (const auto& [typed, canonical] :
       {std::pair("en", "en"), std::pair("DE-at", "de-AT"), std::pair("zh-hant-tw", "zh-Hant-TW"),
        std::pair("es-419", "es-419"), std::pair("sl-ROZAJ-biske", "sl-rozaj-biske"),
        std::pair("zh-cmn-HANS-cn", "zh-cmn-Hans-CN"), std::pair("de-DE-u-CO-phonebk", "de-DE-u-co-phonebk"),
        std::pair("de-1996", "de-1996"), std::pair("x-club-Speech", "x-club-speech"), std::pair("en-x-ROW", "en-x-row"),
        std::pair("tlh", "tlh")}) {
    const auto tag = canonical_locale(typed);
    ASSERT_TRUE(tag) << typed;
    EXPECT_EQ(*tag, canonical);
    EXPECT_EQ(*canonical_locale(*tag), canonical);
  }
}

TEST(ProfileTest, WhatIsNoLanguageTagIsRefused) {
  for (const char* bad :
       {"", "e", "english language", "en_US", "en-", "-en", "en--US", "en-US-GB", "12", "en-u", "en-x", "x", "abcd",
        "en-averylongsubtag", "en-a-x", "de-DE-u-co-phonebk-u-co-phonebk-xxxxx", "dé"}) {
    EXPECT_EQ(canonical_locale(bad).error().code, ErrorCode::invalid_input) << bad;
  }
}

TEST(ProfileTest, ATimeZoneIsAFileOfTheSystem) {
  const test_support::TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("Europe"));
  std::filesystem::create_directories(folder.file("posix"));
  std::ofstream(folder.file("Europe/Berlin")) << "TZif2...";
  std::ofstream(folder.file("posix/Berlin")) << "TZif2...";
  std::ofstream(folder.file("Etc")) << "no rules";
  std::ofstream(folder.file("tzdata.zi")) << "TZif";
  EXPECT_TRUE(check_time_zone("Europe/Berlin", folder.path()));
  for (const char* bad :
       {"", "Europe", "Europe/", "/Europe/Berlin", "europe/Berlin", "../Europe/Berlin", "Europe/../Europe/Berlin",
        "Europe/Atlantis", "Etc", "posix/Berlin", "tzdata.zi", "+01:00", "Europe/Berlin\n"}) {
    EXPECT_EQ(check_time_zone(bad, folder.path()).error().code, ErrorCode::invalid_input) << bad;
  }
  EXPECT_EQ(check_time_zone("Europe/Berlin", folder.file("nowhere")).error().code, ErrorCode::unavailable);
}

TEST(ProfileTest, TheFirstWrongFieldIsNamed) {
  ProfileChange change{.name = "Anna", .email = "no", .locale = "also no"};
  EXPECT_EQ(tidy(change)->name, "email");
  change.email = "";
  EXPECT_EQ(tidy(change)->name, "locale");
  change.locale = "DE";
  EXPECT_FALSE(tidy(change));
  EXPECT_EQ(change.locale, "de");
  change.name = "";
  EXPECT_EQ(tidy(change)->name, "name");
  ProfileChange nothing;
  EXPECT_FALSE(tidy(nothing));
}

}  // namespace
}  // namespace boathouse::control
