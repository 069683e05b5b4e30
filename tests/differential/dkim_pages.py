"""Holds the message scenarios of the check `dkim` against dkimpy.

    python3 tests/differential/dkim_pages.py

Needs dkimpy (PyPI). A signature that our check calls valid must verify there,
and a scenario without `dkim-valid` must have none that does, but where the
table below says why.
"""
import glob, os, re, sys, tomllib
import dkim

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SETTLED = {
    "nine hours late": "dkimpy does not hold x= against any time; RFC 6376 §3.5 lets a verifier call the signature "
    "invalid after it, and we say so where Received shows that it was",
}


def records(zone):
    found = {}
    for line in zone.splitlines():
        parts = line.split(";")[0].split(None, 2) if '"' not in line else line.split(None, 2)
        if len(parts) == 3 and parts[1] == "TXT":
            strings = re.findall(r'"((?:[^"\\]|\\.)*)"', parts[2])
            text = "".join(re.sub(r"\\(.)", r"\1", s) for s in strings)
            found.setdefault(parts[0].rstrip("."), []).append(text)
    return found


def main():
    agree, settled, differ = 0, 0, []
    for page in sorted(glob.glob(os.path.join(ROOT, "checks/dkim/findings/*.md"))):
        for block in re.findall(r"```scenario\n(.*?)```", open(page).read(), re.S):
            scenario = tomllib.loads(block)
            message = scenario.get("target", {}).get("message")
            if not message or scenario["kind"] == "network-fault" or "DKIM-Signature" not in message:
                continue
            zone = records(scenario.get("zone", ""))
            look = lambda name, timeout=5: (zone.get(name.decode().rstrip(".")) or [None])[0]
            bytes_ = message.replace("\n", "\r\n").encode()
            fetch = lambda name, timeout=5: (lambda t: t.encode() if t else None)(look(name))
            try:
                theirs = dkim.DKIM(bytes_, minkey=1024).verify(dnsfunc=fetch)
            except Exception:
                theirs = False
            ours = "dkim-valid" in scenario["expect"]
            if ours == theirs:
                agree += 1
            elif scenario["name"] in SETTLED:
                settled += 1
                print(f"settled: {scenario['name']}: {SETTLED[scenario['name']]}")
            else:
                differ.append((os.path.basename(page), scenario["name"], ours, theirs))
    print(f"{agree} agree, {settled} settled, {len(differ)} differ")
    for row in differ:
        print("DIFFERS: %s, %s: ours %s, dkimpy %s" % row)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
