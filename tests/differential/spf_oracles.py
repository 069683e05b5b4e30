#!/usr/bin/env python3
"""SPF, held against other implementations on the same lab zones.

    python3 -m venv VENV && VENV/bin/pip install pyspf dnspython pyyaml
    VENV/bin/python tests/differential/spf_oracles.py --engine target/debug/engine [--suite FILE]

Every case of the OpenSPF suite is served by `engine lab` and asked of `engine
run` and of pyspf, which asks the same lab.
Prints every disagreement; each one that is settled stands in settled.toml with
the text that settles it. Ends with 1 where one is not settled, or where a
settled one is no longer met. Not part of the fast tests; loopback only.
"""
import argparse, json, os, subprocess, sys, tempfile, tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dns.resolver
import spf
import yaml

HERE = Path(__file__).parent
EXAMINED = "examined.example"
AT_A_TIME = 8
CODES = {f"spf-{word}": word for word in ["pass", "fail", "softfail", "neutral", "permerror"]}


def escaped(data):
    return "".join(f"\\{byte:03}" for byte in data)


def owner(name):
    plain = lambda b: chr(b) if chr(b).isalnum() and b < 128 or b in b"-_." else f"\\{b:03}"
    return "".join(plain(b) for b in name.rstrip(".").encode("latin-1", "replace")) + "."


def strings(value):
    parts = value if isinstance(value, list) else [value]
    quoted = []
    for part in parts or [""]:
        data = part.encode("latin-1", "replace")
        quoted += [f'"{escaped(data[at:at + 255])}"' for at in range(0, max(len(data), 1), 255)]
    return " ".join(quoted)


def world(zonedata):
    """A section's zone data in the lab's language."""
    lines, faults = [], []
    for name, rows in zonedata.items():
        name = owner(str(name))
        records = [next(iter(row.items())) for row in rows if isinstance(row, dict)]
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
        if "TIMEOUT" in rows:
            for kind in ["TXT", "A", "AAAA", "MX", "PTR"]:
                if not holds(kind) and (kind != "TXT" or has("TXT") or not holds("SPF")):
                    faults.append(f"[[fault]]\nname = '{name}'\ntype = '{kind}'\nanswer = 'timeout'\n")
    return "zone = '''\n" + "\n".join(lines) + "\n'''\n" + "".join(faults)


class Lab:
    def __init__(self, engine, text, folder):
        file = Path(folder) / "world.toml"
        file.write_text(text)
        self.child = subprocess.Popen([engine, "lab", str(file)], stdout=subprocess.PIPE, text=True)
        for line in self.child.stdout:
            words = line.split()
            if words[:1] == ["dig"]:
                self.resolver = f"{words[1][1:]}:{words[3]}"
                return
        raise SystemExit(f"the lab did not start: {file}")

    def stop(self):
        self.child.kill()
        self.child.wait()


def ours(engine, resolver, case):
    words = [engine, "run", "--resolver", resolver, "--only", "spf", "--format", "json", "--ip", str(case["host"])]
    if case.get("mailfrom"):
        words += ["--sender", case["mailfrom"]]
    if case.get("helo"):
        words += ["--helo", case["helo"]]
    done = subprocess.run(words + [EXAMINED], capture_output=True, text=True)
    if done.returncode == 2:
        return "refused as input"
    report = json.loads(done.stdout)
    kind = "mailbox" if case.get("mailfrom") else "host"
    for finding in report["findings"]:
        if finding["subject"]["kind"] == kind and finding["code"] in CODES:
            return CODES[finding["code"]]
    unknown = any(one["subject"]["kind"] == kind for one in report["could_not_tell"])
    return "temperror" if unknown else "none"


def own_resolver(resolver):
    address, port = resolver.rsplit(":", 1)
    made = dns.resolver.Resolver(configure=False)
    made.nameservers, made.port, made.lifetime, made.timeout = [address], int(port), 3, 3
    return made


def pyspf(resolver, case):
    asked = own_resolver(resolver)
    dns.resolver.default_resolver = asked

    def lookup(name, qtype, tcpfallback=True, timeout=20):
        found = []
        try:
            answers = asked.resolve(name.rstrip(".") + ".", qtype, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise spf.TempError(f"DNS {error}")
        for record in answers.response.answer:
            kind = dns.rdatatype.to_text(record.rdtype)
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
                    found.append(((record.name.to_text(omit_final_dot=True), kind), value()))
        return found

    spf.DNSLookup = lookup
    query = spf.query(i=str(case["host"]), s=case.get("mailfrom") or "", h=case.get("helo") or "", strict=1)
    try:
        return query.check()[0]
    except Exception as error:  # a crash of the other side is a disagreement, and no end of ours
        return f"crash: {type(error).__name__}"


def main():
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--engine", required=True)
    words.add_argument("--suite", default=os.environ.get("MAIL_TEST_DATA", "../shared/data") + "/spf/rfc7208-tests.yml")
    given = words.parse_args()
    settled = tomllib.loads((HERE / "settled.toml").read_text())["spf"]
    met, open_ones, total, agree = set(), [], 0, {"pyspf": 0}
    with tempfile.TemporaryDirectory() as folder:
        for section in yaml.safe_load_all(Path(given.suite).read_text()):
            lab = Lab(given.engine, world(section["zonedata"]), folder)
            try:
                def asked(case):
                    mine = ours(given.engine, lab.resolver, case)
                    others = {"pyspf": pyspf(lab.resolver, case)}
                    return mine, others

                cases = section["tests"]
                with ThreadPoolExecutor(AT_A_TIME) as pool:
                    answers = list(pool.map(asked, cases.values()))
                for (name, case), (mine, others) in zip(cases.items(), answers):
                    total += 1
                    for oracle, other in others.items():
                        if mine == other:
                            agree[oracle] += 1
                            continue
                        key = f"{oracle}/{name}"
                        known = next((row for row in settled if key in row["cases"]), None)
                        if known is None:
                            open_ones.append(f"{key}: engine {mine}, {oracle} {other}, suite {case['result']}")
                            print(f"OPEN {open_ones[-1]}", flush=True)
                        else:
                            met.add(key)
            finally:
                lab.stop()
    print(f"{total} cases; " + ", ".join(f"{oracle} agrees in {count}" for oracle, count in agree.items()))
    for row in settled:
        here = [case for case in row["cases"] if case in met]
        print(f"settled ({len(here)}): {row['why']} [{row['source']}]")
    stale = [case for row in settled for case in row["cases"] if case not in met]
    for case in stale:
        print(f"STALE {case}: they agree now")
    return 1 if open_ones or stale else 0


sys.exit(main())
