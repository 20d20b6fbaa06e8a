"""Verify what `ais ledger export` wrote: python3 verify_ledger_export.py ledger.jsonl (or ledger.csv) [head-….json]"""

import csv, hashlib, itertools, json, sys  # noqa: E401, I001  # the whole check shall fit on one page


def postings(path):  # position, hash and content of each: lists of texts, None where there is nothing
    with open(path, encoding="utf-8", newline="") as file:
        if path.endswith(".csv"):
            split = next(rows := csv.reader(file)).index("entry_number")
            for key, lines in itertools.groupby(rows, key=lambda row: row[:split]):
                parts = (key[2:], *(row[split:] for row in lines))
                yield int(key[0]), key[1], [[text or None for text in part] for part in parts]
        else:
            for each in map(json.loads, file):
                yield each["position"], each["hash"], [list(x.values()) for x in (each["posting"], *each["entries"])]


position, previous, heads = 0, bytes(32), [json.load(open(path, encoding="utf-8")) for path in sys.argv[2:]]
for expected, (position, written, content) in enumerate(postings(sys.argv[1]), start=1):
    previous = hashlib.sha256(previous + json.dumps(content, ensure_ascii=False).encode()).digest()
    balances = {entry[3]: sum(int(other[2]) for other in content[1:] if other[3] == entry[3]) for entry in content[1:]}
    head_differs = any(head["position"] == position and head["hash"] != previous.hex() for head in heads)
    if position != expected or written != previous.hex() or any(balances.values()) or head_differs:
        sys.exit(f"broken at position {position}: {content[0]}")
if any(head["position"] > position for head in heads):
    sys.exit(f"the export ends at position {position}, before a head that was signed")
print(f"{position} postings hold; head {previous.hex()}")
