"""The lab, the engine over it, and the other implementations' way to it. Loopback only."""
import json, os, re, subprocess, threading
from pathlib import Path

import dns.resolver

HERE = Path(__file__).parent
SECONDS = 3


class Lab:
    """A world of the lab's language, served until `stop`."""

    def __init__(self, tools, text):
        self.file = Path(tools.folder) / "world.toml"
        self.file.write_text(text)
        self.engine = tools.engine
        self.child = subprocess.Popen([tools.engine, "lab", str(self.file)], stdout=subprocess.PIPE, text=True)
        for line in self.child.stdout:
            found = re.search(r"dig @(\S+) -p (\d+)", line)
            if found:
                self.address, self.port = found.group(1), int(found.group(2))
                return
        raise SystemExit(f"the lab did not start: {self.file}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()

    @property
    def server(self):
        return f"{self.address}:{self.port}"

    def resolver(self):
        """dnspython's resolver, asking the lab."""
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port, made.lifetime, made.timeout = [self.address], self.port, SECONDS, SECONDS
        return made

    def run(self, check, *words):
        """The report of one check, or None where the words are refused as input."""
        asked = [self.engine, "run", "--resolver", self.server, "--only", check, "--format", "json", *words]
        done = subprocess.run(asked, capture_output=True, text=True)
        return None if done.returncode == 2 else json.loads(done.stdout)

    def run_all(self, check, *words):
        """The same with the whole world, HTTPS servers included."""
        asked = [self.engine, "run", f"--lab={self.file}", "--only", check, "--format", "json", *words]
        return json.loads(subprocess.run(asked, capture_output=True, text=True).stdout)


class Mailauth:
    """mailauth in a Node of its own: a line of JSON is asked, a line is answered."""

    def __init__(self, node, folder):
        words = [node, str(HERE / "mailauth.cjs"), str(Path(folder).resolve())]
        self.child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lock = threading.Lock()

    def ask(self, what, lab=None, **given):
        question = json.dumps({"what": what, "server": lab and lab.server, **given})
        with self.lock:
            self.child.stdin.write(question + "\n")
            self.child.stdin.flush()
            return json.loads(self.child.stdout.readline())["answer"]


def attempt(says, *given):
    """What another implementation says; a crash of it is a disagreement, and no end of ours."""
    try:
        return says(*given)
    except Exception as error:
        return f"crash: {type(error).__name__}"


def codes(report):
    return {finding["code"]: finding["seen"] for finding in report["findings"]}


def forget(module):
    """checkdmarc keeps answers by name, and each lab is a world of its own."""
    for value in vars(module).values():
        if type(value).__name__ == "ExpiringDict":
            value.clear()


def rows(tools, kind):
    """The texts of records.json of one kind, numbered."""
    every = json.loads((tools.data / "records.json").read_text())
    found = [row for row in every if row["kind"] == kind]
    return [(f"record {number}", row["input"]) for number, row in enumerate(found) if row["input"]]


def text_data(text):
    """A TXT record's data in the lab's language."""
    data = text.encode("utf-8", "replace")
    cut = [data[at:at + 255] for at in range(0, max(len(data), 1), 255)]
    return " ".join('"' + "".join(f"\\{byte:03}" for byte in part) + '"' for part in cut)
