#include "apps/boathouse/serve.hpp"

#include <signal.h>
#include <sys/stat.h>

#include <cstdio>

#include "apps/boathouse/output.hpp"
#include "apps/boathouse/service.hpp"
#include "apps/boathouse/service_log.hpp"
#include "server/ops/process.hpp"

namespace boathouse::app {

using base::ErrorCode;

int serve(const ServeOptions& options) {
  // Blocked before any thread exists, so that every thread inherits it and sigwait below is the only receiver.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  const bool has_tls = !options.tls_certificate.empty();
  if (has_tls) sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // Everything that it makes is its own: training data, keys, webhooks' secrets.
  ::umask(077);
  ops::set_kept_memory();

  set_log_format(options.log_json ? ops::LogFormat::json : ops::LogFormat::text);
  Service service;
  if (const base::Status opened = service.open(options); !opened) {
    return opened.error().code == ErrorCode::invalid_input ? wrong_use(opened.error().text) : fail(opened.error());
  }
  const auto port = service.start(options);
  if (!port) {
    service.stop();
    return port.error().code == ErrorCode::invalid_input ? wrong_use(port.error().text) : fail(port.error());
  }
  const std::size_t colon = options.listen.rfind(':');
  std::printf("listening on %s://%s:%u\n", has_tls ? "https" : "http", options.listen.substr(0, colon).c_str(),
              static_cast<unsigned>(*port));
  std::fflush(stdout);

  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) service.reload_tls();
  log_line("stopping");
  service.stop();
  return service.ledger_was_restored() ? kFailed : kDone;
}

}  // namespace boathouse::app
