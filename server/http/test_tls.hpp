// For the tests here: certificates that vouch for themselves, made on the spot. Nothing else may include it.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "server/http/tls.hpp"

namespace boathouse::http::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "boathouse-tls-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// A certificate for `name` (as in "DNS:localhost,IP:127.0.0.1") that is its own CA, and its key (mode 0600).
inline TlsFiles make_certificate(const TemporaryFolder& folder, const std::string& label,
                                 const std::string& name = "IP:127.0.0.1", const char* passphrase = nullptr) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), &X509_free);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(label.c_str()), -1,
                             -1, 0);
  X509_set_issuer_name(made.get(), subject);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name.c_str());
  X509_add_ext(made.get(), names, -1);
  X509_EXTENSION_free(names);
  EXPECT_GT(X509_sign(made.get(), key.get(), EVP_sha256()), 0);

  const TlsFiles files{folder.file(label + ".crt"), folder.file(label + ".key")};
  std::FILE* out = std::fopen(files.certificate.c_str(), "w");
  PEM_write_X509(out, made.get());
  std::fclose(out);
  out = std::fopen(files.key.c_str(), "w");
  PEM_write_PrivateKey(out, key.get(), passphrase == nullptr ? nullptr : EVP_aes_128_cbc(), nullptr, 0, nullptr,
                       const_cast<char*>(passphrase));
  std::fclose(out);
  ::chmod(files.key.c_str(), 0600);
  return files;
}

// Trusts that certificate alone.
inline std::shared_ptr<const TlsContext> trusting(const TlsFiles& files) {
  auto context = TlsContext::for_client(files.certificate);
  EXPECT_TRUE(context.ok()) << (context.ok() ? "" : context.error().text);
  return context.ok() ? *context : nullptr;
}

}  // namespace boathouse::http::testing
