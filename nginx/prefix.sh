#!/usr/bin/env bash
# Makes a prefix for an nginx of its own from the files in this folder, and checks it or runs it.
#
#     prefix.sh PREFIX SOCKET PORT [TLS_PORT] [--address ADDRESS] [--template FILE] [--run]
#
# PREFIX is created (mode 0700) and gets conf/ and tmp/, and with TLS_PORT a self-signed certificate for localhost in
# conf/certificate.pem, unless one is there. FILE is a template other than nginx.conf. With --run this process becomes
# that nginx, in the foreground; SIGTERM ends it at once, SIGQUIT when its requests are done.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
PATH="$PATH:/usr/sbin:/usr/local/sbin"

template="$here/nginx.conf"
address=127.0.0.1
run=no
words=()
while [ $# -gt 0 ]; do
    case "$1" in
    --template) template=${2:?"--template needs a file"}; shift 2 ;;
    --address) address=${2:?"--address needs an address"}; shift 2 ;;
    --run) run=yes; shift ;;
    *) words+=("$1"); shift ;;
    esac
done
[ "${#words[@]}" -ge 3 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
prefix=${words[0]} socket=${words[1]} port=${words[2]} tls_port=${words[3]:-}

mkdir -p "$prefix"
chmod 0700 "$prefix"
prefix=$(cd "$prefix" && pwd)
mkdir -p "$prefix/conf" "$prefix/tmp"

if [ -n "$tls_port" ] && [ ! -s "$prefix/conf/certificate.pem" ]; then
    (
        umask 077
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
            -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:$address" \
            -keyout "$prefix/conf/private-key.pem" -out "$prefix/conf/certificate.pem" 2>/dev/null
    )
fi

# Paths are written into the configuration as they are, so what has a meaning to nginx or sed is refused.
case "$socket$prefix" in *[\|\&\\\ \;\"\'{}]*) echo "$0: unusable character in a path: $socket" >&2; exit 1 ;; esac
fill() {
    sed -e "s|unix:/run/paranoid/app.sock|unix:$socket|" \
        -e "s|listen 127.0.0.1:8080|listen $address:$port|" \
        -e "s|listen 127.0.0.1:8443|listen $address:${tls_port:-8443}|" "$1"
}
fill "$template" > "$prefix/conf/nginx.conf"
fill "$here/paranoid_upstream.conf" > "$prefix/conf/paranoid_upstream.conf"
cp "$here/paranoid_fastcgi_params" "$here/paranoid_location.conf" "$prefix/conf/"

# Workers of an nginx that root started become another user, who may not connect to a socket of mode 0660.
directives=
[ "$(id -u)" -ne 0 ] || directives='user root;'
if [ "$run" = yes ]; then
    exec nginx -p "$prefix" -c conf/nginx.conf -e error.log -g "daemon off; $directives"
fi
if ! output=$(nginx -t -q -p "$prefix" -c conf/nginx.conf -e error.log -g "$directives" 2>&1); then
    echo "$output" >&2
    exit 1
fi
