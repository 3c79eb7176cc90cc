#!/usr/bin/env bash
# Installs the Debian packages named as arguments, if any of them is missing.
#
#     packages.sh libfcgi-dev nginx
set -euo pipefail

missing=()
for package in "$@"; do
    # A tool that is there without its package (built from source, say) will do.
    case "$package" in
    libfcgi-dev) [ -e /usr/include/fcgiapp.h ] || [ -e /usr/local/include/fcgiapp.h ] || missing+=("$package") ;;
    nginx) PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v nginx >/dev/null || missing+=("$package") ;;
    python3 | openssl | curl | wrk | gcc | chromium | valgrind | strace) command -v "$package" >/dev/null || missing+=("$package") ;;
    *) dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package") ;;
    esac
done
[ "${#missing[@]}" -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "$0: missing: ${missing[*]}; install them, or run this as root" >&2; exit 1; }
    as_root=(sudo)
fi
command -v apt-get >/dev/null || { echo "$0: missing: ${missing[*]}; there is no apt-get here, install them by hand" >&2; exit 1; }

echo "installing with apt: ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
