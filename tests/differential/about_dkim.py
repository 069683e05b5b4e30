"""DKIM: which signatures of a message hold. The messages are those of the finding pages' scenarios."""
import base64, re, tomllib
from pathlib import Path

import dkim

from lab import HERE, Lab, attempt

ROOT = HERE.parent.parent


def scenarios():
    for page in sorted((ROOT / "checks/dkim/findings").glob("*.md")):
        for block in re.findall(r"```scenario\n(.*?)```", page.read_text(), re.S):
            scenario = tomllib.loads(block)
            message = scenario.get("target", {}).get("message")
            if message and scenario["kind"] != "network-fault" and "DKIM-Signature" in message:
                yield f"{page.stem}, {scenario['name']}", scenario, message.replace("\n", "\r\n").encode()


def ours(lab, tools, message):
    file = Path(tools.folder) / "message.eml"
    file.write_bytes(message)
    report = lab.run("dkim", "--message", str(file))
    return sorted(one["subject"]["name"] for one in report["findings"] if one["code"] == "dkim-valid")


def dkimpy(lab, message):
    asked = lab.resolver()

    def fetch(name, timeout=5):
        try:
            return b"".join(asked.resolve(name.decode(), "TXT")[0].strings)
        except Exception:
            return None

    holds = []
    verifier = dkim.DKIM(message, minkey=1024)
    for index in range(sum(name.lower() == b"dkim-signature" for name, _ in verifier.headers)):
        verifier = dkim.DKIM(message, minkey=1024)
        try:
            if verifier.verify(idx=index, dnsfunc=fetch):
                holds.append(f"{verifier.selector.decode()}._domainkey.{verifier.domain.decode()}".lower())
        except Exception:
            pass  # a signature that it cannot take does not hold
    return sorted(holds)


def compare(tools):
    for name, scenario, message in scenarios():
        with Lab(tools, "zone = '''\n" + scenario.get("zone", "") + "\n'''\n") as lab:
            mine = ours(lab, tools, message)
            yield "dkimpy", name, mine, attempt(dkimpy, lab, message), ""
            given = base64.b64encode(message).decode()
            theirs = tools.mailauth.ask("dkim", lab, message=given)
            yield "mailauth", name, mine, sorted(theirs) if isinstance(theirs, list) else theirs, ""
