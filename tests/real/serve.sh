#!/bin/bash
# Runs real DNS and mail servers on one loopback address until standard input
# ends, and then stops them: exactly those that it started.
#
#   serve.sh STATE-DIRECTORY
#
# Prints one line to standard output: `ready`; or `missing: what`, when this
# machine lacks something, and nothing was started; or `failed: why`. The
# caller keeps standard input open for as long as it needs the servers, so that
# they end with it, however it ends. Needs root: they change to their own users.
#
# In the state directory it leaves `routes` (the engine's --route file),
# `resolver` and, where knot is there, `validating-resolver` (the engine's --resolver),
# the configurations and the logs.
set -u
here=$(cd "$(dirname "$0")" && pwd)
state=${1:?usage: serve.sh STATE-DIRECTORY}
# Where install.sh has unpacked what cannot be installed beside postfix.
folder=/usr/local/lib/engine-tests
PATH=$PATH:/usr/sbin:/sbin

lacks() {
    printf 'missing: %s\n' "$1"
    exit 1
}
[ "$(id -u)" = 0 ] || lacks 'root'
for program in unbound rbldnsd postfix postgrey openssl; do
    command -v "$program" >/dev/null || lacks "$program"
done
command -v knotd >/dev/null || command -v nsd >/dev/null || lacks 'knot or nsd'
[ -x "$folder/exim4-daemon-light/usr/sbin/exim4" ] || lacks 'exim4-daemon-light'
[ -x "$folder/opensmtpd/usr/sbin/smtpd" ] || lacks 'opensmtpd'
for user in postfix postgrey nobody; do
    id -u "$user" >/dev/null 2>&1 || lacks "the user $user"
done

pids=()
postfix_parent=
stop() {
    trap - EXIT
    trap '' INT TERM HUP
    local pid alive
    # Postfix's parent process is not its master: it is stopped by its own
    # command, once it has got as far as to know its master.
    if [ -n "$postfix_parent" ]; then
        for _ in $(seq 100); do
            [ -s "$state/postfix/spool/pid/master.pid" ] && break
            kill -0 "$postfix_parent" 2>/dev/null || break
            sleep 0.05
        done
        postfix -c "$state/postfix" stop </dev/null >>"$state/stop.log" 2>&1
    fi
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
    # A server that does not end within five seconds is killed.
    for _ in $(seq 100); do
        alive=()
        for pid in "${pids[@]}"; do kill -0 "$pid" 2>/dev/null && alive+=("$pid"); done
        [ ${#alive[@]} = 0 ] && break
        sleep 0.05
    done
    if [ ${#alive[@]} != 0 ]; then
        ps -o pid=,args= -p "${alive[@]}" >>"$state/stop.log" 2>&1
        kill -9 "${alive[@]}" 2>/dev/null
    fi
    wait 2>/dev/null
}
trap stop EXIT
trap 'exit 143' INT TERM HUP

fail() {
    printf 'failed: %s\n' "$1"
    tail -n 5 "$state"/*.log "$state"/*/*.log >&2 2>/dev/null
    exit 1
}

# A loopback address of our own, so that runs beside each other do not meet.
tcp_open() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }
for _ in $(seq 20); do
    address=127.$((RANDOM % 200 + 20)).$((RANDOM % 254 + 1)).$((RANDOM % 254 + 1))
    tcp_open "$address" 5301 || tcp_open "$address" 2501 || break
done

mkdir -p "$state" && chmod 755 "$state"
cp -R "$here/conf/." "$state/" || fail "$state cannot be written"
find "$state" -type f ! -name '*.log' -exec sed -i "s|@STATE@|$state|g; s|@ADDRESS@|$address|g" {} +
printf '%s:5310\n' "$address" >"$state/resolver"

# Every daemon stays in the foreground, its output in a file: one inside a
# pipe would keep the pipe open.
run() {
    local log=$state/$1.log
    shift
    "$@" </dev/null >>"$log" 2>&1 &
    pids+=($!)
}

# Whether a DNS server answers at port $1: any reply to `. NS` will do, its
# first byte is that of our message id.
answers() {
    local first
    exec 3<>"/dev/udp/$address/$1" || return 1
    printf 'AB\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1' >&3
    read -r -t 0.1 -N 1 -u 3 first 2>/dev/null
    exec 3>&-
    [ "${first:-}" = A ]
}

await() { # await NAME COMMAND…: up to a minute, which only a busy machine takes
    local name=$1 deadline=$((SECONDS + 60))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || fail "$name does not answer at $address"
        sleep 0.05
    done
}

# Certificates that sign themselves: a good one, and one whose time has run out.
mkdir -p "$state/openssl"
cat >"$state/openssl/ca.cnf" <<END
[ca]
default_ca = own
[own]
database = $state/openssl/index
new_certs_dir = $state/openssl
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
END
: >"$state/openssl/index"
certificate() { # certificate NAME FROM TO
    local to=$state/openssl/$1
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=mx.$1.real.example" \
        -addext "subjectAltName=DNS:mx.$1.real.example" -keyout "$to.key" -out "$to.csr" \
        </dev/null >>"$state/openssl.log" 2>&1 &&
        openssl ca -selfsign -batch -notext -config "$state/openssl/ca.cnf" -keyfile "$to.key" -in "$to.csr" \
            -startdate "$2" -enddate "$3" -out "$to.crt" </dev/null >>"$state/openssl.log" 2>&1 &&
        cat "$to.key" "$to.crt" >"$state/postfix/$1.pem" && chmod 600 "$state/postfix/$1.pem" ||
        fail 'openssl makes no certificate'
}
certificate good 20250101000000Z 20491231000000Z
certificate expired 20240101000000Z 20250101000000Z
certificate exim 20250101000000Z 20491231000000Z
certificate open 20250101000000Z 20491231000000Z

# Keys of the signed zones, and what the zones above say of them. The certificates
# come first: a TLSA record names one.
sign() { # sign ZONE: makes its key and prints its DS record
    keymgr -c "$state/knot/knot.conf" "$1" generate algorithm=ECDSAP256SHA256 ksk=yes zsk=yes >>"$state/keymgr.log" 2>&1 &&
        keymgr -c "$state/knot/knot.conf" "$1" ds 2>>"$state/keymgr.log" | grep ' 13 2 ' || fail "no key for $1 can be made"
}
if command -v knotd >/dev/null; then
    key=$(openssl x509 -in "$state/openssl/exim.crt" -noout -pubkey 2>>"$state/openssl.log" |
        openssl pkey -pubin -outform DER 2>>"$state/openssl.log" | sha256sum | cut -d ' ' -f 1)
    sed -i "s|@KEY@|$key|" "$state/signed/signed.example.zone"
    sign bogus.example >/dev/null
    sign signed.example >>"$state/signed/root.zone"
    sign . >"$state/validating/root.ds"
fi

# Authoritative: the same zones on knot and on nsd, whichever are there.
authorities=()
if command -v knotd >/dev/null; then
    run knot knotd -c "$state/knot/knot.conf"
    authorities+=(5301)
fi
if command -v nsd >/dev/null; then
    run nsd nsd -d -c "$state/nsd/nsd.conf"
    authorities+=(5302)
fi
# The one that there is stands in for one that is missing.
[ ${#authorities[@]} = 2 ] || sed -i "s/:530[12]\$/:${authorities[0]}/" "$state/routes"

run rbldnsd rbldnsd -n -q -f -b "$address/5303" -r "$state/rbldnsd" -w . -u nobody -c 0 -v \
    ip.blocklist.example:ip4set:addresses \
    domain.blocklist.example:dnset:domains

# Recursive: unbound knows who is authoritative for our zones; no other name exists.
stub() { # stub ZONE PORT…
    printf 'server:\n    local-zone: "%s." transparent\nstub-zone:\n    name: "%s"\n    stub-prime: no\n' "$1" "$1"
    shift
    printf "    stub-addr: $address@%s\n" "$@"
}
{
    for zone in "$state"/zones/*.zone; do stub "$(basename "$zone" .zone)" "${authorities[@]}"; done
    stub blocklist.example 5303
} >"$state/unbound/stubs.conf"
run unbound unbound -d -c "$state/unbound/unbound.conf"

# A root directory for a program that knows its users, its spool and its DNS by
# fixed names: the program, its libraries, and an /etc in which it finds nobody
# else's settings and no name server to ask.
jail() { # jail NAME PROGRAM
    local root=$state/jails/$1
    mkdir -p "$root"/{etc,dev,tmp,run,bin,usr/sbin,var/run,var/spool,var/log,var/lib}
    cp "$2" "$root/usr/sbin/" && cp "$state"/jail/* "$root/etc/" &&
        ldd "$2" | grep -o '/[^ ]*' | xargs -I{} cp -L --parents {} "$root/" || fail "no jail for $1 can be made"
    # Where devices may not be made, or do not work, a file will do.
    { mknod -m 666 "$root/dev/null" c 1 3 && : >"$root/dev/null"; } 2>/dev/null ||
        { rm -f "$root/dev/null" && : >"$root/dev/null" && chmod 666 "$root/dev/null"; }
}
jail exim "$folder/exim4-daemon-light/usr/sbin/exim4"
root=$state/jails/exim
mkdir -p "$root"/etc/exim4 "$root"/var/{spool,log}/exim4
cp "$state/exim/exim4.conf" "$root/etc/exim4/"
cat "$state"/openssl/exim.{key,crt} >"$root/etc/exim4/exim.pem"
chown 9001 "$root"/etc/exim4/exim.pem "$root"/var/{spool,log}/exim4
run exim chroot "$root" /usr/sbin/exim4 -bdf

jail opensmtpd "$folder/opensmtpd/usr/sbin/smtpd"
root=$state/jails/opensmtpd
mkdir -p "$root"/etc/opensmtpd "$root"/var/lib/opensmtpd/empty "$root"/usr/libexec/opensmtpd
mkdir -m 711 "$root"/var/spool/smtpd
cp "$state/opensmtpd/smtpd.conf" "$root/etc/"
(umask 077 && cp "$state"/openssl/open.{key,crt} "$root/etc/opensmtpd/")
run opensmtpd chroot "$root" /usr/sbin/smtpd -d

mkdir -p "$state/postgrey" "$state/postfix/spool" "$state/postfix/data"
chown postgrey "$state/postgrey"
chown postfix "$state/postfix/data"
# Delays of seconds; no list of friends, not even that of a known client.
run postgrey postgrey --inet="$address:5304" --dbdir="$state/postgrey" --user=postgrey \
    --delay=2 --lookup-by-host --auto-whitelist-clients=0 \
    --whitelist-clients="$state/whitelist/clients" --whitelist-recipients="$state/whitelist/recipients"
await postgrey tcp_open "$address" 5304
run postfix postfix -c "$state/postfix" start-fg
postfix_parent=$!

for port in "${authorities[@]}"; do await "the authoritative server, port $port," answers "$port"; done
# The resolver that validates begins when the zones that it follows are there.
if command -v knotd >/dev/null; then
    for zone in . real.example signed.example bogus.example _tcp.mx.half.signed.example; do
        printf 'stub-zone:\n    name: "%s"\n    stub-prime: no\n    stub-addr: %s@5301\n' "$zone" "$address"
    done >"$state/validating/stubs.conf"
    run validating unbound -d -c "$state/validating/unbound.conf"
    await 'the validating unbound' answers 5311
    printf '%s:5311\n' "$address" >"$state/validating-resolver"
fi
await rbldnsd answers 5303
await unbound answers 5310
await 'postfix, port 2501,' tcp_open "$address" 2501
for port in 2502 $(seq 2512 2517) $(seq 2521 2522) $(seq 2524 2525) 2531 2532; do await "the mail server, port $port," tcp_open "$address" "$port"; done
# A daemon that has given up is told at once, not by a test that fails later.
for pid in "${pids[@]}"; do kill -0 "$pid" 2>/dev/null || fail 'a server has ended by itself'; done

printf 'ready\n'
# Until standard input ends. `exit` runs the trap.
while read -r _; do :; done
exit 0
