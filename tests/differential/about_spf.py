"""SPF: results of the OpenSPF suite, and whether records can be evaluated."""
import threading

import checkdmarc.spf
import checkdmarc.utils
import dns.resolver
import spf
import yaml

from lab import Lab, attempt, codes, forget, rows, text_data

EXAMINED = "examined.example"
RESULTS = {f"spf-{word}": word for word in ["pass", "fail", "softfail", "neutral", "permerror"]}


def owner(name):
    plain = lambda b: chr(b) if chr(b).isalnum() and b < 128 or b in b"-_." else f"\\{b:03}"
    return "".join(plain(b) for b in name.rstrip(".").encode("latin-1", "replace")) + "."


def strings(value):
    """TXT data; a character below U+0100 stands for that byte."""
    quoted = []
    for part in (value if isinstance(value, list) else [value]) or [""]:
        data = part.encode("latin-1", "replace")
        for at in range(0, max(len(data), 1), 255):
            quoted.append('"' + "".join(f"\\{byte:03}" for byte in data[at:at + 255]) + '"')
    return " ".join(quoted)


def world(zonedata):
    """A section's zone data in the lab's language."""
    lines, faults = [], []
    for name, data in zonedata.items():
        name = owner(str(name))
        records = [next(iter(row.items())) for row in data if isinstance(row, dict)]
        has = lambda key: any(kind == key for kind, _ in records)
        holds = lambda key: any(kind == key and value != "NONE" for kind, value in records)
        lines.append(f"{name} TYPE65280 \\# 1 00")
        for kind, value in records:
            if value == "NONE" or kind == "SPF" and has("TXT"):
                continue
            if kind in ("SPF", "TXT"):
                lines.append(f"{name} TXT {strings(value)}")
            elif kind == "MX":
                lines.append(f"{name} MX {value[0]} {owner(value[1])}")
            elif kind in ("PTR", "CNAME"):
                lines.append(f"{name} {kind} {owner(value)}")
            else:
                lines.append(f"{name} {kind} {value}")
        if "TIMEOUT" in data:
            for kind in ["TXT", "A", "AAAA", "MX", "PTR"]:
                if not holds(kind) and (kind != "TXT" or has("TXT") or not holds("SPF")):
                    faults.append(f"[[fault]]\nname = '{name}'\ntype = '{kind}'\nanswer = 'timeout'\n")
    return "zone = '''\n" + "\n".join(lines) + "\n'''\n" + "".join(faults)


def ours(lab, case):
    words = ["--ip", str(case["host"])]
    if case.get("mailfrom"):
        words += ["--sender", case["mailfrom"]]
    if case.get("helo"):
        words += ["--helo", case["helo"]]
    report = lab.run("spf", *words, EXAMINED)
    if report is None:
        return "refused as input"
    kind = "mailbox" if case.get("mailfrom") else "host"
    for finding in report["findings"]:
        if finding["subject"]["kind"] == kind and finding["code"] in RESULTS:
            return RESULTS[finding["code"]]
    unknown = any(one["subject"]["kind"] == kind for one in report["could_not_tell"])
    return "temperror" if unknown else "none"


def pyspf(lab, case):
    asked = lab.resolver()

    def lookup(name, qtype, tcpfallback=True, timeout=20):
        found = []
        try:
            answers = asked.resolve(owner(name), qtype, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise spf.TempError(f"DNS {error}")
        for record in answers.response.answer:
            kind = dns.rdatatype.to_text(record.rdtype)
            # pyspf finds the answer by the name as it asked for it, without escapes.
            answered = b".".join(record.name.labels[:-1]).decode("latin-1")
            for data in record:
                value = {
                    "A": lambda: data.address,
                    "AAAA": lambda: data.address,
                    "MX": lambda: (data.preference, data.exchange.to_text(omit_final_dot=True)),
                    "PTR": lambda: data.target.to_text(omit_final_dot=True),
                    "CNAME": lambda: data.target.to_text(omit_final_dot=True),
                    "TXT": lambda: data.strings,
                    "SPF": lambda: data.strings,
                }.get(kind)
                if value:
                    found.append(((answered, kind), value()))
        return found

    spf.DNSLookup = lookup
    query = spf.query(i=str(case["host"]), s=case.get("mailfrom") or "", h=case.get("helo") or "", strict=1)
    return query.check()[0]


def compare(tools):
    """Each case of the suite: the result for its client and identity."""
    says = {
        "pyspf": pyspf,
        "mailauth": lambda lab, case: tools.mailauth.ask(
            "spf", lab, ip=str(case["host"]), sender=case.get("mailfrom") or "", helo=case.get("helo") or ""
        ),
    }
    for section in yaml.safe_load_all((tools.data / "spf/rfc7208-tests.yml").read_text()):
        with Lab(tools, world(section["zonedata"])) as lab:
            cases = section["tests"]
            mine = list(tools.pool.map(lambda case: ours(lab, case), cases.values()))
            for oracle, asked in says.items():
                others = list(tools.pool.map(lambda case: attempt(asked, lab, case), cases.values()))
                for (name, case), one, other in zip(cases.items(), mine, others):
                    yield oracle, name, one, other, f"suite {case['result']}"


# What makes receivers answer `permerror`, whoever sends.
BROKEN = {
    "spf-syntax", "spf-unknown-mechanism", "spf-address-invalid", "spf-multiple", "spf-too-many-lookups",
    "spf-too-many-voids", "spf-loop", "spf-include-none", "spf-include-broken", "spf-mx-too-many", "spf-not-ascii",
}


def usable(lab, domain):
    """Whether the domain has a record that evaluates without an error."""
    report = lab.run("spf", domain)
    if report is None:
        return "refused as input"
    found = codes(report)
    if "spf-record" not in found and "spf-multiple" not in found:
        return "could not tell" if report["could_not_tell"] and "spf-missing" not in found else "no record"
    severe = {one["code"] for one in report["findings"] if one["severity"] in ("error", "critical")}
    return "broken" if BROKEN & severe else "usable"


LOCK = threading.Lock()


def checkdmarc_usable(lab, domain):
    with LOCK:
        forget(checkdmarc.utils)
        forget(checkdmarc.spf)
        found = checkdmarc.spf.check_spf(domain, resolver=lab.resolver())
    if found["valid"]:
        return "usable"
    absent = "record" not in found or found["record"] is None
    several = "multiple" in found["error"].lower()
    if "timed out" in found["error"] or "Server failure" in found["error"]:
        return "could not tell"
    return "no record" if absent and not several else "broken"


def compare_records(tools):
    """The names of the suite with texts, and the strings of records.json: can the record be evaluated?"""
    def names(section):
        found = {str(case.get("mailfrom") or case.get("helo")).rsplit("@", 1)[-1] for case in section["tests"].values()}
        return sorted(name for name in found if "." in name and name in {str(key) for key in section["zonedata"]})

    worlds = [
        (world(section["zonedata"]), [(f"{section['description']}, {name}", name) for name in names(section)])
        for section in yaml.safe_load_all((tools.data / "spf/rfc7208-tests.yml").read_text())
    ]
    texts = rows(tools, "spf-record")
    lines = []
    for number, (_, text) in enumerate(texts):
        lines += [f"r{number}.example. TXT {text_data(text)}", f"r{number}.example. A 25.25.1.1",
                  f"r{number}.example. MX 10 r{number}.example."]
    worlds.append(("zone = '''\n" + "\n".join(lines) + "\n'''\n",
                   [(name, f"r{number}.example") for number, (name, _) in enumerate(texts)]))
    for text, cases in worlds:
        with Lab(tools, text) as lab:
            mine = list(tools.pool.map(lambda case: usable(lab, case[1]), cases))
            for (name, domain), one in zip(cases, mine):
                yield "checkdmarc", name, one, attempt(checkdmarc_usable, lab, domain), domain
