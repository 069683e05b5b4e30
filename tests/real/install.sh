#!/bin/bash
# Installs the real servers that tests/tests/real_servers.rs runs against, on
# Debian or Ubuntu, without starting any of their services. Running it again
# changes nothing. It says what it could not install; that ends with status 1
# only where ENGINE_TESTS_REQUIRE_REAL=1 forbids skipping.
set -u

# package and the program that shows that it is there
servers=(
    knot:knotd
    nsd:nsd
    unbound:unbound
    rbldnsd:rbldnsd
    postfix:postfix
    postgrey:postgrey
    openssl:openssl
    # another Rust compiler, for plugins that it builds
    rustc-web:/usr/bin/rustc
)
# package and the program in it; these cannot be installed beside postfix, and
# are unpacked into a folder of their own. serve.sh runs them from there.
unpacked=(
    exim4-daemon-light:usr/sbin/exim4
    opensmtpd:usr/sbin/smtpd
)
folder=/usr/local/lib/engine-tests
PATH=$PATH:/usr/sbin:/sbin
export DEBIAN_FRONTEND=noninteractive

missing() {
    local server
    for server in "${servers[@]}"; do
        command -v "${server#*:}" >/dev/null || printf '%s\n' "${server%:*}"
    done
}

missing_folders() {
    local server
    for server in "${unpacked[@]}"; do
        [ -x "$folder/${server%:*}/${server#*:}" ] || printf '%s\n' "${server%:*}"
    done
}

give_up() {
    printf 'real servers: not installed: %s (%s)\n' "$( (missing; missing_folders) | tr '\n' ' ')" "$1" >&2
    printf 'real servers: the tests that need them will be skipped, and say so\n' >&2
    [ "${ENGINE_TESTS_REQUIRE_REAL:-0}" = 1 ] && exit 1
    exit 0
}

if [ -z "$(missing)$(missing_folders)" ]; then
    printf 'real servers: all installed\n'
    exit 0
fi
[ "$(id -u)" = 0 ] || give_up 'this needs root'
command -v apt-get >/dev/null || give_up 'there is no apt-get here'

# While packages are unpacked, no service may start: invoke-rc.d asks this file.
policy=/usr/sbin/policy-rc.d
kept=
restore() {
    rm -f "$policy"
    [ -n "$kept" ] && mv "$kept" "$policy"
}
if [ -e "$policy" ]; then
    kept=$(mktemp "$policy.XXXXXX") && mv "$policy" "$kept" || give_up "$policy cannot be set aside"
fi
trap restore EXIT
trap 'exit 130' INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"

# Postfix asks what it is to be; our tests bring their own configuration.
if command -v debconf-set-selections >/dev/null; then
    printf 'postfix postfix/main_mailer_type select No configuration\n' | debconf-set-selections
fi

apt-get update -qq || printf 'real servers: apt-get update failed; trying with the lists at hand\n' >&2
# One by one, so that one missing package does not cost the others.
for package in $(missing); do
    apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
        printf 'real servers: apt-get could not install %s\n' "$package" >&2
done

for package in $(missing_folders); do
    # Libraries stand beside others.
    libraries=$(apt-cache depends "$package" | awk '$1 == "Depends:" && $2 ~ /^lib/ { print $2 }')
    place=$(mktemp -d)
    # shellcheck disable=SC2086 # one word each
    apt-get install -y -qq --no-install-recommends $libraries >/dev/null &&
        (cd "$place" && apt-get download -qq -o APT::Sandbox::User=root "$package" >/dev/null) &&
        mkdir -p "$folder/$package" && dpkg -x "$place"/*.deb "$folder/$package" ||
        printf 'real servers: apt-get could not fetch %s\n' "$package" >&2
    rm -rf "$place"
done

[ -z "$(missing)$(missing_folders)" ] || give_up 'apt-get could not install them'
printf 'real servers: all installed\n'
