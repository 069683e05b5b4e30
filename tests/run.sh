#!/usr/bin/env bash
# Passes the tests. Installs and starts the real servers that they need where
# it can (root on Debian), and names what it skips where it can't.
#
#   tests/run.sh                whatever this machine allows
#   tests/run.sh --no-skipping  a missing server or missing data is a failure
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  "") ;;
  --no-skipping)
    export ENGINE_TESTS_REQUIRE_REAL=1
    # The outside data is not part of the project: required where it is said to be.
    if [ -n "${MAIL_TEST_DATA:-}" ] || [ -d ../shared/data ]; then
      export ENGINE_TESTS_REQUIRE_DATA=1
    else
      echo "note: no outside test data (MAIL_TEST_DATA); the tests over it are skipped"
    fi
    ;;
  *) echo "usage: tests/run.sh [--no-skipping]" >&2; exit 2 ;;
esac

bash tests/real/install.sh </dev/null || {
  [ -z "${ENGINE_TESTS_REQUIRE_REAL:-}" ] || { echo "error: the real servers could not be installed" >&2; exit 1; }
  echo "note: the tests against real servers are skipped"
}

# The program first: the whole-program tests run it.
cargo build --locked
cargo test --locked --workspace --exclude engine-tests
cargo test --locked -p engine-plugin-api --features tracing --test boundary
# The second loader, a feature of its own: its tests bring their own plugin host.
cargo test --locked -p engine-tests --features wasm --test wasm
cargo test --locked -p engine-tests --tests
