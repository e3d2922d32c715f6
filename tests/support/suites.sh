#!/usr/bin/env bash
# The suites in turn, so that one failing names itself and none waits on a shared scheduler; every suite runs even if one fails.
set -u
mkdir -p var/test
rm -f var/test/*
bad=0
suite() {
  local name=$1 began=$SECONDS
  shift
  .venv/bin/python -m pytest -q -m 'not nightly' --junitxml="var/test/$name.xml" "$@"
  local code=$?
  echo "== suite $name: exit $code after $((SECONDS - began)) s"
  [ $code -eq 0 ] || bad=1
}
.venv/bin/ruff check . && .venv/bin/ruff format --check --quiet . || bad=1
.venv/bin/python -m catalogs check || bad=1
suite core -n 2 --dist loadfile tests/architecture tests/docs tests/catalogs tests/connectors
suite quality -n 2 --dist loadfile tests/quality --ignore=tests/quality/board
suite board -n 2 --dist loadfile tests/quality/board
suite trust -n 2 --dist loadfile tests/license_hub/domain tests/license_hub/signing tests/license_hub/log tests/golden
suite outsider -n 2 --dist load tests/conformance
# One folder in parts: each suite stays under five minutes.
suite hub -n 2 --dist loadfile tests/license_hub/service/test_[j-r]*.py
suite hub2 -n 2 --dist loadfile tests/license_hub/service/test_[s-z]*.py
suite issue -n 2 --dist loadfile tests/license_hub/service/test_[a-h]*.py
suite issue2 -n 2 --dist loadfile tests/license_hub/service/test_i*.py
suite store -n 2 --dist loadfile tests/license_hub/client tests/license_hub/paper tests/license_hub/storage tests/license_hub/witness tests/license_hub/test_settings.py tests/license_hub/test_hashing.py
suite doors -n 2 --dist loadfile tests/license_hub/api/test_[a-n]*.py tests/license_hub/cli
suite pages -n 2 --dist loadfile tests/license_hub/web
suite doors2 -n 2 --dist loadfile tests/license_hub/api/test_[o-z]*.py
suite pipeline -n 2 --dist loadfile tests/pipeline/test_kill.py tests/pipeline/test_real_files.py tests/pipeline/test_two_days.py tests/pipeline/test_life_events.py tests/pipeline/test_canaries.py
suite story -n 2 --dist loadfile tests/pipeline/test_story_tickets.py tests/pipeline/test_real_tickets.py
suite faults tests/faults
suite soak tests/soak
suite gx -n 2 --dist loadfile tests/quality_gx
suite airflow tests/dags tests/pipeline/test_demo.py
suite scheduler tests/pipeline/test_scheduler.py tests/pipeline/test_up.py tests/docker
suite browser -n 2 --dist loadfile tests/browser/test_[a-d]*.py
suite browser2 -n 2 --dist loadfile tests/browser/test_[e-z]*.py
exit $bad
