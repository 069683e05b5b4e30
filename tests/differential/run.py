#!/usr/bin/env python3
"""Holds the engine against other implementations over the same lab zones.

README.md beside this file says what is compared and how it is run. Prints every
disagreement that settled.toml does not settle, and ends with 1 where there is
one, or where one that is settled is no longer met. Loopback only.
"""
import argparse, collections, os, sys, tempfile, tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import about_dkim, about_dmarc, about_spf, about_transport
from lab import HERE, Mailauth

TOPICS = {
    "spf": about_spf.compare,
    "spf-record": about_spf.compare_records,
    "dmarc": about_dmarc.compare,
    "dkim": about_dkim.compare,
    "mta-sts": about_transport.compare_sts,
    "tls-rpt": about_transport.compare_tls_rpt,
}


class Tools:
    def __init__(self, given, folder):
        self.engine, self.data, self.folder = given.engine, Path(given.data), folder
        self.mailauth = Mailauth(given.node, given.mailauth)
        self.mailauth4 = Mailauth("node", given.mailauth4)
        self.pool = ThreadPoolExecutor(4)


def main():
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--engine", required=True, help="the program")
    words.add_argument("--mailauth", required=True, help="the folder that npm installed mailauth 7 into")
    words.add_argument("--mailauth4", required=True, help="the folder that npm installed mailauth 4 into")
    words.add_argument("--node", default="node", help="a Node of version 22 or later, for mailauth 7")
    words.add_argument("--data", default=os.environ.get("MAIL_TEST_DATA", HERE.parent.parent / "../shared/data"))
    words.add_argument("--only", choices=TOPICS, action="append", help="these topics; all without it")
    given = words.parse_args()
    topics = given.only or list(TOPICS)
    settled = tomllib.loads((HERE / "settled.toml").read_text())["settled"]
    known = {(row["topic"], case): row for row in settled for case in row["cases"]}
    met, open_ones = set(), 0
    counts = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(given, folder)
        for topic in topics:
            for oracle, case, mine, other, about in TOPICS[topic](tools):
                key = (topic, f"{oracle}: {case}")
                count = counts[topic, oracle]
                count["cases"] += 1
                if mine == other:
                    count["agree"] += 1
                elif key in known:
                    count["settled"] += 1
                    met.add(key)
                else:
                    open_ones += 1
                    print(f"OPEN {topic}: {oracle}: {case}: engine {mine}, {oracle} {other} ({about})", flush=True)
    for (topic, oracle), count in counts.items():
        line = f"{topic}, {oracle}: {count['cases']} cases, {count['agree']} agree, {count['settled']} settled"
        print(f"{line}, {count['cases'] - count['agree'] - count['settled']} open")
    stale = [key for key in known if key[0] in topics and key not in met]
    for topic, case in stale:
        print(f"STALE {topic}: {case}: they agree now, or it is no case any more")
    return 1 if open_ones or stale else 0


sys.exit(main())
