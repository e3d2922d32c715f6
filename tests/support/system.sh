#!/usr/bin/env bash
# Programs the tests use for real and that Python packages cannot bring. As root they come by apt; otherwise a clear message,
# and the tests that need them skip with the reason.
set -u
need=()
command -v chromium >/dev/null || need+=(chromium)
fc-list 2>/dev/null | grep -qi 'noto.*cjk' || need+=(fonts-noto-cjk fontconfig)
command -v pdfsig >/dev/null || need+=(poppler-utils)
command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || need+=(mariadb-server)
command -v ip >/dev/null || need+=(iproute2)
command -v sqlmap >/dev/null || need+=(sqlmap)
command -v wrk >/dev/null || need+=(wrk)
command -v nginx >/dev/null || need+=(nginx-light)
command -v openssl >/dev/null || need+=(openssl)
command -v softhsm2-util >/dev/null || need+=(softhsm2)
command -v go >/dev/null || need+=(golang-go)
[ -d /usr/share/gocode/src/golang.org/x/mod/sumdb ] || need+=(golang-golang-x-mod-dev)
[ ${#need[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing: ${need[*]} (tests that need them skip; as root: apt-get install ${need[*]})"
  exit 0
fi
echo "installing by apt: ${need[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
{ apt-get update && apt-get install -y --no-install-recommends "${need[@]}"; } >"$log" 2>&1 \
  || { tail -n 5 "$log"; echo "apt-get could not install ${need[*]}: the tests that need them skip"; }
exit 0
