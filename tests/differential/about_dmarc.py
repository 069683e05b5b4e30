"""DMARC: where the record stands that applies, and the policy that it asks for."""
import re

import checkdmarc.dmarc
import checkdmarc.utils

from lab import Lab, attempt, codes, forget, rows, text_data

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


def world(lines):
    base = ["d.example. MX 10 mx.d.example.", "mx.d.example. A 25.25.1.1", 'd.example. TXT "v=spf1 mx -all"']
    return "zone = '''\n" + "\n".join(base + lines) + "\n'''\n"


def ours(lab, domain):
    """By RFC 9989 where the record stands and what it asks for, by RFC 7489 what it asks for; or `no record`."""
    text = codes(lab.run("dmarc", domain)).get("dmarc-record")
    if text is None:
        return {"9989": NONE, "7489": NONE}
    inherited = re.search(r"that of (\S+) applies", text)
    place = inherited.group(1) if inherited else domain
    new = re.search(r"by RFC 9989: (.*?); by RFC 7489", text) or re.search(r"gets: (.*)\.$", text)
    old = re.search(r"by RFC 7489: (.*)\.$", text) or new
    read = lambda found: re.match(r"no DMARC|none|quarantine|reject", found.group(1)).group(0)
    new, old = read(new), read(old)
    return {"9989": NONE if new == "no DMARC" else f"{place} {new}", "7489": NONE if old == "no DMARC" else old}


def checkdmarc_says(lab, domain):
    forget(checkdmarc.utils)
    found = checkdmarc.dmarc.check_dmarc(domain, resolver=lab.resolver())
    if not found.get("valid"):
        return NONE
    tags, place = found["tags"], found["location"]
    tag = "p" if place == domain or "sp" not in tags else "sp"
    return f"{place} {tags[tag]['value']}"


def compare(tools):
    oracles = {
        "checkdmarc": ("9989", checkdmarc_says),
        "mailauth": ("9989", lambda lab, domain: tools.mailauth.ask("dmarc", lab, domain=domain)),
        "mailauth4": ("7489", lambda lab, domain: tools.mailauth4.ask("dmarc", lab, domain=domain)),
    }
    cases = list(ZONES)
    for name, text in rows(tools, "dmarc-record"):
        cases.append((name, [f"_dmarc.d.example. TXT {text_data(text)}"], "d.example"))
    for name, lines, domain in cases:
        with Lab(tools, world(lines)) as lab:
            mine = ours(lab, domain)
            for oracle, (rules, says) in oracles.items():
                yield oracle, name, mine[rules], attempt(says, lab, domain), lines
