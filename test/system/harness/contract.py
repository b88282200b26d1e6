"""The contract of the audit lines, checked on what a running postern wrote. The contract itself is
data: test/data/events.json, which the unit tests use too."""
import ipaddress
import json
import pathlib
import re

CONTRACT = json.loads((pathlib.Path(__file__).resolve().parents[2] / "data/events.json").read_text("utf-8"))


def _is_for(key, action):
    return key["in"] == "all" or any(
        name == action or action in CONTRACT["groups"].get(name, ()) for name in key["in"])


def _is_address(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_TEXTS = {
    "text": lambda text: True,
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z").fullmatch,
    "digest": re.compile("[0-9a-f]{64}").fullmatch,
    "address": _is_address,
}


def _fits(key, value):
    kind = key["type"]
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if kind == "list":
        return isinstance(value, list) and value and all(
            isinstance(item, str) and item for item in value)
    if not isinstance(value, str) or not 0 < len(value.encode()) <= CONTRACT["max_text"]:
        return False
    return bool(_TEXTS[kind](value)) and value in key.get("values", (value,))


def _keys_fault(keys, event):
    """What is wrong with which keys there are, their order and their values."""
    action = event.get("event.action")
    left = list(keys)
    for key in CONTRACT["keys"]:
        name = key["key"]
        if left and left[0] == name:
            left.pop(0)
            if not _is_for(key, action):
                return f"{name} is not for {action}"
            if not _fits(key, event[name]):
                return f"{name} cannot be {event[name]!r}"
            if key.get("with", name) not in event or key.get("without") in event:
                return f"{name} stands with the wrong keys"
        elif key.get("always") and _is_for(key, action):
            return f"{name} is missing, or stands elsewhere"
    return f"{left[0]} is unknown, repeated or out of order" if left else ""


def _head_fault(event):
    wanted = CONTRACT["actions"].get(event["event.action"])
    if wanted is None:
        return "unknown action"
    outcome, reason = event.get("event.outcome"), event.get("event.reason")
    has_none = (outcome == "success" and len(wanted["outcomes"] or ()) > 1
                and not wanted.get("reason_always"))
    listed = CONTRACT["reasons"].get(wanted["reasons"])
    if event["event.category"] != wanted["category"]:
        return "wrong category"
    if event["log.level"] not in wanted["levels"]:
        return "wrong level"
    if outcome not in (wanted["outcomes"] or (None,)):
        return f"wrong outcome {outcome}"
    if (reason is not None) != (wanted["reasons"] is not None and not has_none):
        return f"reason {reason}"
    if reason is not None and listed is not None and reason not in listed:
        return f"reason {reason} stands on no list"
    return ""


def fault_of(line):
    """What is wrong with a line (a str with its newline); "": nothing."""
    if not re.fullmatch(r"[ -~]+\n", line):
        return "more than one line of printable ASCII"
    try:
        pairs = json.loads(line, object_pairs_hook=list)
    except ValueError as error:
        return f"no JSON: {error}"
    event = dict(pairs)
    return _keys_fault([key for key, _ in pairs], event) or _head_fault(event)


def faults(text):
    """Of all whole lines of a log: [(fault, line)], and holes in the sequence of a run."""
    found, last = [], 0
    for line in text.splitlines(keepends=True):
        if not line.endswith("\n"):
            continue  # being written
        if fault := fault_of(line):
            found.append((fault, line))
            continue
        number = json.loads(line)["event.sequence"]
        if number not in (1, last + 1):
            found.append((f"event.sequence {number} behind {last}", line))
        last = number
    return found
