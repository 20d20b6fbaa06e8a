"""Verify what `ais audit export` wrote: python3 verify_audit_export.py audit.jsonl (or audit.csv) [head-….json]"""

import csv, hashlib, json, sys  # noqa: E401, I001  # the whole check shall fit on one page


def entries(path):  # position, hash and content of each: a list of texts, None where there is nothing
    with open(path, encoding="utf-8", newline="") as file:
        if path.endswith(".csv"):
            next(rows := csv.reader(file))
            for position, written, *row in rows:
                yield int(position), written, [text or None for text in row]
        else:
            for each in map(json.loads, file):
                yield each["position"], each["hash"], list(each["entry"].values())


position, previous, heads = 0, bytes(32), [json.load(open(path, encoding="utf-8")) for path in sys.argv[2:]]
for expected, (position, written, content) in enumerate(entries(sys.argv[1]), start=1):
    previous = hashlib.sha256(previous + json.dumps(content, ensure_ascii=False).encode()).digest()
    head_differs = any(head["position"] == position and head["hash"] != previous.hex() for head in heads)
    if position != expected or written != previous.hex() or head_differs:
        sys.exit(f"broken at position {position}: {content}")
if any(head["position"] > position for head in heads):
    sys.exit(f"the export ends at position {position}, before a head that was signed")
print(f"{position} entries hold; head {previous.hex()}")
