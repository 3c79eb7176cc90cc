#!/usr/bin/env bash
# Makes a Debian package of an application from its program and the files in this folder.
#
#     package.sh --program FILE --name NAME --version VERSION --maintainer 'NAME <ADDRESS>' [--tool FILE] [--backtrace FILE] [--output FOLDER]
#
# FILE is a release build with --static-swift-stdlib: nothing of Swift has to be installed where the package is. --backtrace is the
# toolchain's libexec/swift/linux/swift-backtrace-static, which writes the report of a worker that crashes. The package has
#
#     /usr/libexec/NAME/NAME                the program, and with --tool the command-line tool `paranoid` beside it
#     /lib/systemd/system/NAME.service      nginx/systemd with the name and the paths filled in, hardening included
#     /lib/systemd/system/NAME.socket
#     /etc/NAME.env                         settings that a reload reads, kept at an upgrade; for root and the group NAME-env only
#     /usr/share/NAME/nginx                 what nginx includes, with the socket of this application
#     /usr/share/doc/NAME/examples          the drop-in for systemd 253 and newer
#     /usr/share/man/man1/NAME-paranoid.1   with --tool, the manual page of the tool
#
# Installing starts the socket and the service. An upgrade reloads: new workers run the new program, and no request is lost.
# Removing stops both; purging removes the sessions and the secret as well. Prints the path of the package.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
usage() { sed -n '2,19s/^# \{0,1\}//p' "$0" >&2; exit 2; }
refuse() { echo "package.sh: $*" >&2; exit 1; }

program='' name='' version='' maintainer='' tool='' backtrace='' output=.
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case "$1" in
    --program) program=$2 ;;
    --name) name=$2 ;;
    --version) version=$2 ;;
    --maintainer) maintainer=$2 ;;
    --tool) tool=$2 ;;
    --backtrace) backtrace=$2 ;;
    --output) output=$2 ;;
    *) usage ;;
    esac
    shift 2
done
[ -n "$program" ] && [ -n "$name" ] && [ -n "$version" ] && [ -n "$maintainer" ] || usage
# Debian's names of packages, which are fit for units and paths as well.
[[ $name =~ ^[a-z0-9][a-z0-9+.-]+$ ]] || refuse "not a name of a package: $name (a-z, 0-9, +, -, . and two characters at least)"
# The group NAME-env: groupadd takes 32 characters.
[ "${#name}" -le 28 ] || refuse "a longer name than 28 characters: $name"
[[ $version =~ ^[0-9][A-Za-z0-9.+~-]*$ ]] || refuse "not a version: $version (it begins with a digit)"
[[ $maintainer =~ ^[^\<\>$'\n']+\ \<[^\<\>\ ]+@[^\<\>\ ]+\>$ ]] || refuse "not a maintainer: $maintainer (Name <address>)"
for each in "$program" ${tool:+"$tool"}; do
    [ -x "$each" ] || refuse "not a program: $each"
    if ldd "$each" | grep -q libswift; then refuse "$each needs Swift's libraries; build it with: swift build -c release --static-swift-stdlib"; fi
done
command -v dpkg-shlibdeps > /dev/null || refuse "dpkg-shlibdeps is missing; install dpkg-dev"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
tree=$root/tree
# Files of a package are for everybody to read, whatever the umask here.
umask 022
mkdir -p "$tree/DEBIAN" "$tree/usr/libexec/$name" "$tree/lib/systemd/system" "$tree/etc" "$tree/usr/share/$name/nginx" "$tree/usr/share/doc/$name/examples"
install -m 0755 -s "$program" "$tree/usr/libexec/$name/$name"
if [ -n "$tool" ]; then
    install -m 0755 -s "$tool" "$tree/usr/libexec/$name/paranoid"
    mkdir -p "$tree/usr/share/man/man1"
    "$tool" manual | gzip -9n > "$tree/usr/share/man/man1/$name-paranoid.1.gz"
fi
# The program looks for it below SWIFT_ROOT, under this name.
[ -z "$backtrace" ] || install -D -m 0755 "$backtrace" "$tree/usr/libexec/$name/libexec/swift/linux/swift-backtrace"

fill() {
    sed -e "s|paranoid-app|$name|g" -e "s|/usr/local/bin/app|/usr/libexec/$name/$name|" \
        -e "s|^#Environment=PARANOID_ENV_FILE=.*|Environment=PARANOID_ENV_FILE=/etc/$name.env|" -e "s|^#SupplementaryGroups=|SupplementaryGroups=|" \
        ${backtrace:+-e "s|^LimitNOFILE=.*|Environment=SWIFT_ROOT=/usr/libexec/$name\n&|"} \
        -e "s|^Description=.*|& $name|" -e "s|/run/paranoid/app.sock|/run/$name.sock|" \
        -e "s|^upstream paranoid |upstream $name |" -e "s|fastcgi_pass paranoid;|fastcgi_pass $name;|" "$1"
}
# A drop-in is for a unit that somebody else wrote; this one has the hardening in it.
{
    sed '/^\[Install\]/,$d' <(fill "$here/../systemd/paranoid-app.service") | sed '1,3{/^# /d}'
    sed '/^\[Service\]/d' "$here/../systemd/paranoid-app.service.d/hardening.conf"
    echo
    sed -n '/^\[Install\]/,$p' "$here/../systemd/paranoid-app.service"
} > "$tree/lib/systemd/system/$name.service"
fill "$here/../systemd/paranoid-app.socket" > "$tree/lib/systemd/system/$name.socket"
for each in paranoid_upstream.conf paranoid_location.conf; do fill "$here/../$each" > "$tree/usr/share/$name/nginx/$each"; done
cp "$here/../paranoid_fastcgi_params" "$tree/usr/share/$name/nginx/"
sed -i "s|include paranoid_fastcgi_params|include /usr/share/$name/nginx/paranoid_fastcgi_params|" "$tree/usr/share/$name/nginx/paranoid_location.conf"
fill "$here/../systemd/notify-reload.conf" > "$tree/usr/share/doc/$name/examples/notify-reload.conf"
cat > "$tree/etc/$name.env" << END
# Settings of $name, NAME=VALUE a line, without quotation marks. \`systemctl reload $name\` reads them anew.
# /usr/libexec/$name/paranoid config reference lists all of them.
END

chmod 0640 "$tree/etc/$name.env"

# The libraries that the program was linked with, in the versions that it needs.
mkdir "$root/debian"
printf 'Source: %s\nPackage: %s\nArchitecture: any\n' "$name" "$name" > "$root/debian/control"
programs=("tree/usr/libexec/$name/$name" ${tool:+"tree/usr/libexec/$name/paranoid"})
depends=$(cd "$root" && dpkg-shlibdeps -O "${programs[@]}" 2> "$root/shlibdeps.log" | sed -n 's/^shlibs:Depends=//p') || depends=
[ -n "$depends" ] || { cat "$root/shlibdeps.log" >&2; refuse "dpkg-shlibdeps found no library"; }

architecture=$(dpkg --print-architecture)
cat > "$tree/DEBIAN/control" << END
Package: $name
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(du -sk "$tree" | cut -f 1)
Depends: $depends, init-system-helpers (>= 1.54), passwd
Recommends: nginx
Section: web
Priority: optional
Description: $name, a FastCGI application
 It serves requests that nginx passes on through /run/$name.sock. /usr/share/$name/nginx has the files that nginx includes.
END
echo "/etc/$name.env" > "$tree/DEBIAN/conffiles"
for each in postinst prerm postrm; do
    sed "s|NAME|$name|g" "$here/$each" > "$tree/DEBIAN/$each"
    chmod 0755 "$tree/DEBIAN/$each"
done
package="$output/${name}_${version}_$architecture.deb"
dpkg-deb --root-owner-group --build "$tree" "$package" > /dev/null
echo "$package"
