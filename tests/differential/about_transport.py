"""MTA-STS and TLS-RPT: which records and policies apply."""
import checkdmarc.mta_sts
import checkdmarc.smtp_tls_reporting
import checkdmarc.utils

from lab import Lab, attempt, codes, forget, rows, text_data

# Name, lines below `_mta-sts.` or `_smtp._tls.`; `?` stands for the record that is right.
RIGHT = {"_mta-sts": "v=STSv1; id=1", "_smtp._tls": "v=TLSRPTv1; rua=mailto:a@d.example"}
SHAPES = [
    ("right", lambda right: [right]),
    ("none", lambda right: []),
    ("several", lambda right: [right, right.replace("1; id=1", "1; id=2").replace("a@", "b@")]),
    ("beside another text", lambda right: [right, "note"]),
    ("white space before", lambda right: [" " + right]),
    ("version in small letters", lambda right: [right.lower()]),
    ("version twice", lambda right: [right.split(";")[0] + "; " + right]),
    ("extension", lambda right: [right + "; x=1"]),
    ("semicolons twice", lambda right: [right + ";;"]),
    ("without the last part", lambda right: [right.split(";")[0] + ";"]),
    ("white space around =", lambda right: [right.replace("=", " = ")]),
    ("control character", lambda right: [right + "\x01"]),
    ("8-bit", lambda right: [right + "; x=é"]),
]


def record_world(label, texts):
    """Every text at a domain of its own, `r0.example` and on."""
    lines = []
    for number, one in enumerate(texts):
        domain = f"r{number}.example."
        lines += [f"{domain} MX 10 mx.{domain}", f"mx.{domain} A 25.25.1.1"]
        lines += [f"{label}.{domain} TXT {text_data(text)}" for text in one]
    lines += ["d.example. MX 10 mx.d.example.", "mx.d.example. A 25.25.1.1"]
    return "zone = '''\n" + "\n".join(lines) + "\n'''\n"


def record_cases(tools, label, kind):
    shapes = [(name, make(RIGHT[label])) for name, make in SHAPES]
    return shapes + [(name, [text]) for name, text in rows(tools, kind)]


def our_record(lab, domain):
    found = codes(lab.run("mta-sts", domain))
    faults = ("mta-sts-alias-broken", "mta-sts-missing", "mta-sts-record-invalid", "mta-sts-record-several",
              "mta-sts-unannounced")
    return "none" if any(code in found for code in faults) else "applies"


def checkdmarc_record(lab, domain):
    forget(checkdmarc.utils)
    try:
        found = checkdmarc.mta_sts.query_mta_sts_record(domain, resolver=lab.resolver())
        checkdmarc.mta_sts.parse_mta_sts_record(found["record"])
    except checkdmarc.mta_sts.MTASTSError:
        return "none"
    return "applies"


def our_policy(tools, text):
    body = "".join(f"\\{byte:03}" for byte in text.encode())
    zone = ["d.example. MX 10 mx.d.example.", "mx.d.example. A 25.25.1.1", '_mta-sts.d.example. TXT "v=STSv1; id=1"',
            "mta-sts.d.example. A 25.25.2.1"]
    served = "[[smtp]]\naddress = '25.25.1.1'\nhostname = 'mx.d.example'\ncertificate = 'good'\n"
    served += "[[http]]\naddress = '25.25.2.1'\nhostname = 'mta-sts.d.example'\n"
    served += f"[http.paths.'/.well-known/mta-sts.txt']\nbody = '{body}'\n"
    with Lab(tools, "zone = '''\n" + "\n".join(zone) + "\n'''\n" + served) as lab:
        found = codes(lab.run_all("mta-sts", "d.example"))
    if "mta-sts-policy-invalid" in found:
        return "invalid"
    modes = {"mta-sts-none": "none", "mta-sts-testing": "testing"}
    return next((mode for code, mode in modes.items() if code in found), "enforce")


def checkdmarc_policy(text):
    try:
        return checkdmarc.mta_sts.parse_mta_sts_policy(text)["policy"]["mode"]
    except checkdmarc.mta_sts.MTASTSPolicyError:
        return "invalid"


def compare_sts(tools):
    """Records over the lab's DNS. A policy comes to the engine over the lab's HTTPS; the
    others ask port 443 alone, so that theirs is read from the text."""
    cases = record_cases(tools, "_mta-sts", "mtasts-record")
    with Lab(tools, record_world("_mta-sts", [texts for _, texts in cases])) as lab:
        for number, (name, texts) in enumerate(cases):
            domain = f"r{number}.example"
            mine = our_record(lab, domain)
            yield "checkdmarc", name, mine, attempt(checkdmarc_record, lab, domain), texts
            yield "mailauth", name, mine, tools.mailauth.ask("sts-record", lab, domain=domain), texts
    for name, text in rows(tools, "mtasts-policy"):
        mine, name = our_policy(tools, text), name.replace("record", "policy")
        yield "checkdmarc", name, mine, attempt(checkdmarc_policy, text), [text]
        yield "mailauth", name, mine, tools.mailauth.ask("sts-policy", text=text), [text]


def our_tls_rpt(lab, domain):
    found = codes(lab.run("tls-rpt", domain))
    if "tls-rpt-alias-broken" in found or "tls-rpt-missing" in found or "tls-rpt-several" in found:
        return "none"
    dropped = "senders leave that destination out" in found.get("tls-rpt-invalid", "")
    return "none" if "tls-rpt-invalid" in found and not dropped else "applies"


def checkdmarc_tls_rpt(lab, domain):
    forget(checkdmarc.utils)
    found = checkdmarc.smtp_tls_reporting.check_smtp_tls_reporting(domain, resolver=lab.resolver())
    return "applies" if found["valid"] else "none"


def compare_tls_rpt(tools):
    cases = record_cases(tools, "_smtp._tls", "tlsrpt-record")
    with Lab(tools, record_world("_smtp._tls", [texts for _, texts in cases])) as lab:
        for number, (name, texts) in enumerate(cases):
            domain = f"r{number}.example"
            yield "checkdmarc", name, our_tls_rpt(lab, domain), attempt(checkdmarc_tls_rpt, lab, domain), texts
