#!/usr/bin/env python3
"""DMARC, held against other implementations on the same lab zones.

    python3 -m venv VENV && VENV/bin/pip install 'checkdmarc>=6' dnspython
    npm install --prefix NODE mailauth
    VENV/bin/python tests/differential/dmarc.py --engine target/debug/engine [--mailauth NODE] [--records FILE]

The zones below, and the DMARC records of FILE (each at a domain of its own), are
served by `engine lab` and asked of `engine run`, of checkdmarc (by RFC 9989: where
the record stands that applies, and the policy read from it) and of mailauth 4 (by
RFC 7489: the policy). Prints every disagreement;
each one that is settled stands in dmarc-settled.toml with the text that settles
it. Ends with 1 where one is not settled, or where a settled one is no longer met.
Not part of the fast tests; loopback only.

Another implementation is one more line in ORACLES: which rules it follows, and a
function from resolver and domain to an answer as `ours` gives it by those.
"""
import argparse, json, os, re, subprocess, sys, tempfile, tomllib
from pathlib import Path

import checkdmarc.dmarc
import checkdmarc.utils
import dns.resolver

HERE = Path(__file__).parent
NONE = "no record"

# Name, lines of the zone, domain that is asked.
ZONES = [
    ("plain", ['_dmarc.d.example. TXT "v=DMARC1; p=reject; rua=mailto:a@d.example"'], "d.example"),
    ("missing", [], "d.example"),
    ("inherited", ['_dmarc.d.example. TXT "v=DMARC1; p=reject; sp=none"', "a.d.example. A 25.25.1.1"], "a.d.example"),
    ("own below", ['_dmarc.d.example. TXT "v=DMARC1; p=reject"', '_dmarc.a.d.example. TXT "v=DMARC1; p=none"'], "a.d.example"),
    ("between", ["a.b.d.example. A 25.25.1.1", '_dmarc.b.d.example. TXT "v=DMARC1; p=reject"'], "a.b.d.example"),
    ("several", ['_dmarc.d.example. TXT "v=DMARC1; p=reject"', '_dmarc.d.example. TXT "v=DMARC1; p=none"'], "d.example"),
    ("several below", ['_dmarc.a.d.example. TXT "v=DMARC1; p=reject"', '_dmarc.a.d.example. TXT "v=DMARC1; p=none"', "a.d.example. A 25.25.1.1",
                       '_dmarc.d.example. TXT "v=DMARC1; p=quarantine"'], "a.d.example"),
    ("psd above", ['_dmarc.example. TXT "v=DMARC1; p=reject; psd=y"'], "d.example"),
    ("psd=n between", ["a.b.d.example. A 25.25.1.1", '_dmarc.b.d.example. TXT "v=DMARC1; p=quarantine; psd=n"', '_dmarc.d.example. TXT "v=DMARC1; p=reject"'], "a.b.d.example"),
    ("alias", ["_dmarc.d.example. CNAME d.service.example.", 'd.service.example. TXT "v=DMARC1; p=reject"'], "d.example"),
    ("alias to nothing", ["_dmarc.d.example. CNAME d.gone.example."], "d.example"),
    ("at the domain", ['d.example. TXT "v=DMARC1; p=reject"'], "d.example"),
    ("beside another text", ['_dmarc.d.example. TXT "v=DMARC1; p=reject"', '_dmarc.d.example. TXT "note"'], "d.example"),
    ("strings", ['_dmarc.d.example. TXT "v=DMARC1; p=re" "ject"'], "d.example"),
    ("white space before", ['_dmarc.d.example. TXT " v=DMARC1; p=reject"'], "d.example"),
    ("external, authorised", ['_dmarc.d.example. TXT "v=DMARC1; p=reject; rua=mailto:a@r.example"', "r.example. MX 1 m.r.example.",
                              "m.r.example. A 25.25.1.9", '*._report._dmarc.r.example. TXT "v=DMARC1"'], "d.example"),
    ("external, not authorised", ['_dmarc.d.example. TXT "v=DMARC1; p=reject; rua=mailto:a@r.example"', "r.example. MX 1 m.r.example.",
                                  "m.r.example. A 25.25.1.9"], "d.example"),
]


def escaped(text):
    data = text.encode("utf-8", "replace")
    cut = [data[at:at + 255] for at in range(0, max(len(data), 1), 255)]
    return " ".join('"' + "".join(f"\\{byte:03}" for byte in part) + '"' for part in cut)


class Lab:
    def __init__(self, engine, lines, folder):
        file = Path(folder) / "world.toml"
        base = ["d.example. MX 10 mx.d.example.", "mx.d.example. A 25.25.1.1", 'd.example. TXT "v=spf1 mx -all"']
        file.write_text("zone = '''\n" + "\n".join(base + lines) + "\n'''\n")
        self.child = subprocess.Popen([engine, "lab", str(file)], stdout=subprocess.PIPE, text=True)
        for line in self.child.stdout:
            found = re.search(r"dig @(\S+) -p (\d+)", line)
            if found:
                self.resolver = found.groups()
                return
        raise SystemExit(f"the lab did not start: {file}")

    def stop(self):
        self.child.kill()
        self.child.wait()


def ours(engine, resolver, domain):
    """By rules: `no record`; by RFC 9989 else where it stands and what it asks for, by RFC 7489 what it asks for."""
    address = ":".join(resolver)
    words = [engine, "run", "--resolver", address, "--only", "dmarc", "--format", "json", domain]
    report = json.loads(subprocess.run(words, capture_output=True, text=True).stdout)
    codes = {finding["code"]: finding["seen"] for finding in report["findings"]}
    text = codes.get("dmarc-record")
    if text is None:
        return {"9989": NONE, "7489": NONE}
    inherited = re.search(r"that of (\S+) applies", text)
    place = inherited.group(1) if inherited else domain
    new = re.search(r"by RFC 9989: (.*?); by RFC 7489", text) or re.search(r"gets: (.*)\.$", text)
    old = re.search(r"by RFC 7489: (.*)\.$", text) or new
    read = lambda found: re.match(r"no DMARC|none|quarantine|reject", found.group(1)).group(0)
    new, old = read(new), read(old)
    return {
        "9989": NONE if new == "no DMARC" else f"{place} {new}",
        "7489": NONE if old == "no DMARC" else old,
    }


def forget():
    # It keeps answers by name, and each case has a zone of its own.
    for value in vars(checkdmarc.utils).values():
        if type(value).__name__ == "ExpiringDict":
            value.clear()


def checkdmarc_says(resolver, domain):
    forget()
    made = dns.resolver.Resolver(configure=False)
    made.nameservers, made.port, made.lifetime, made.timeout = [resolver[0]], int(resolver[1]), 3, 3
    try:
        found = checkdmarc.dmarc.check_dmarc(domain, resolver=made)
    except Exception as error:  # a crash of the other side is a disagreement, and no end of ours
        return f"crash: {type(error).__name__}"
    if not found.get("valid"):
        return NONE
    tags, place = found["tags"], found["location"]
    tag = "p" if place == domain or "sp" not in tags else "sp"
    return f"{place} {tags[tag]['value']}"


MAILAUTH = """
const {Resolver} = require('node:dns').promises;
const made = new Resolver(); made.setServers([process.argv[2]]);
const {dmarc} = require(process.argv[1] + '/node_modules/mailauth/lib/dmarc');
dmarc({headerFrom: ['a@' + process.argv[3]], spfDomains: [], dkimDomains: [], resolver: (n, t) => made.resolve(n, t)})
  .then(r => console.log(r && r.status.result !== 'none' && r.policy || 'no record'), e => console.log('crash: ' + e.message));
"""


def mailauth_says(folder):
    def says(resolver, domain):
        words = ["node", "-e", MAILAUTH, str(Path(folder).resolve()), ":".join(resolver), domain]
        return subprocess.run(words, capture_output=True, text=True).stdout.strip()
    return says


ORACLES = {"checkdmarc": ("9989", checkdmarc_says)}


def main():
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--engine", required=True)
    words.add_argument("--records", default=os.environ.get("MAIL_TEST_DATA", "../shared/data") + "/records.json")
    words.add_argument("--mailauth", help="the folder that npm installed mailauth into")
    given = words.parse_args()
    if given.mailauth:
        ORACLES["mailauth"] = ("7489", mailauth_says(given.mailauth))
    settled = tomllib.loads((HERE / "dmarc-settled.toml").read_text())["dmarc"]
    cases = [(name, lines, domain) for name, lines, domain in ZONES]
    rows = [row for row in json.loads(Path(given.records).read_text()) if row["kind"] == "dmarc-record"]
    for number, row in enumerate(rows):
        if row["input"]:
            cases.append((f"record {number}", [f"_dmarc.d.example. TXT {escaped(row['input'])}"], "d.example"))
    met, open_ones, agree = set(), [], dict.fromkeys(ORACLES, 0)
    with tempfile.TemporaryDirectory() as folder:
        for name, lines, domain in cases:
            lab = Lab(given.engine, lines, folder)
            try:
                mine = ours(given.engine, lab.resolver, domain)
                for oracle, (rules, says) in ORACLES.items():
                    other = says(lab.resolver, domain)
                    if mine[rules] == other:
                        agree[oracle] += 1
                        continue
                    key = f"{oracle}: {name}"
                    if any(key in row["cases"] for row in settled):
                        met.add(key)
                    else:
                        open_ones.append(f"{key}: {lines}: engine {mine[rules]}, {oracle} {other}")
            finally:
                lab.stop()
    print(f"{len(cases)} cases; " + ", ".join(f"{oracle} agrees in {count}" for oracle, count in agree.items()))
    for row in settled:
        print(f"settled ({sum(case in met for case in row['cases'])}): {row['why']} [{row['source']}]")
    stale = [case for row in settled for case in row["cases"] if case not in met and case.split(":")[0] in ORACLES]
    for line in open_ones:
        print(f"OPEN {line}")
    for case in stale:
        print(f"STALE {case}: they agree now")
    return 1 if open_ones or stale else 0


sys.exit(main())
