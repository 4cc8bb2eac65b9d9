# shellcheck shell=bash
# Set-up that ./test and ./demo share; sourced, not run. Needs bash and apt, asks nothing, is quick when all is there.
#
#   setup_packages test|demo   Debian packages; as a normal user without them: says what to install, ends with 2
#   setup_npm                  the npm parts of package-lock.json
#   build_release              programs, simulation and benchmarks into build/release/bin

boathouse_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# A checkout that is made anew at the same place compiles from the cache; at another place only what uses no precompiled header.
export CCACHE_BASEDIR="$boathouse_root" CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros

# What the release build and the demo need.
boathouse_demo_packages=(
  cmake ninja-build g++ ccache mold ca-certificates curl jq
  libboost1.81-dev libcurl4-openssl-dev libssl-dev openssl libzstd-dev zlib1g-dev libsodium-dev libpq-dev libcli11-dev libbenchmark-dev
)
# What the tests need besides; Chromium for the pages, prometheus for promtool, its alert manager for amtool, Python to load libchdb, awscli for copies of
# backups, ZooKeeper as a cluster's Keepers, mmdebstrap and systemd-container for machines that are set up as the docs say.
boathouse_test_packages=(
  awscli chromium default-jre-headless git iproute2 libzookeeper-java mmdebstrap systemd-container nginx-light postgresql prometheus prometheus-alertmanager python3
  libgtest-dev libgmock-dev libyaml-cpp-dev clang-16 libclang-rt-16-dev clang-tidy-16 clang-format-14
)

say() { printf '%s\n' "$*" >&2; }

# The packages among "$@" that are not installed.
missing_packages() {
  local installed package
  installed=" $(dpkg-query -W -f='${Package}/${db:Status-Status} ' "$@" 2>/dev/null || true)"
  for package in "$@"; do
    [[ "$installed" == *" $package/installed "* ]] || printf '%s\n' "$package"
  done
}

setup_packages() {
  local -a wanted=("${boathouse_demo_packages[@]}") missing
  [ "$1" = demo ] || wanted+=("${boathouse_test_packages[@]}")
  # Node from elsewhere will do; Debian's own is taken when there is none.
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    wanted+=(nodejs npm)
  fi
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "Boathouse is set up on Debian 12 (bookworm); this system has no apt."
    exit 2
  fi
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    say "Packages are missing. As root:"
    say "apt-get install --yes --no-install-recommends ${missing[*]}"
    exit 2
  fi
  local log="$boathouse_root/build/apt.log"
  # In run level 1 a package starts no service: the tests start the PostgreSQL that they need themselves.
  local -a apt=(env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get --yes -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
  mkdir -p "${log%/*}"
  say "installing Debian packages (a few minutes, log in build/apt.log): ${missing[*]}"
  if ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } </dev/null >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    say "apt-get could not install what is missing; its last words are above"
    exit 2
  fi
}

setup_npm() {
  cmake -P "$boathouse_root/cmake/FetchNpmParts.cmake" >&2 || exit 2
}

build_release() {
  (cd "$boathouse_root" && cmake --workflow --preset release)
}
