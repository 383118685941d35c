"""Hostile and careless JSON: never accepted, never a crash."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tpproof.checker import check_bytes
from tpproof.checker.limits import MAX_BYTES

from .naive_prover import canonical
from .networks import NETWORKS
from .tools import certificate

GOOD = canonical(certificate("gvar-output"))
EVIDENCE = b'"evidence":{"name":"naive","numbers":[0.5,10000000000000000000000000000000000000000]}'
assert EVIDENCE in GOOD


def with_evidence(text):
    return GOOD.replace(EVIDENCE, b'"evidence":' + text)


UNREADABLE = {
    "empty": b"",
    "not json": b"hello\n",
    "duplicate key": GOOD.replace(b'"version":1}\n', b'"version":1,"version":1}\n'),
    "duplicate by escape": with_evidence(b'{"a":1,"\\u0061":2}'),
    "duplicate in evidence": with_evidence(b'{"a":1,"a":1}'),
    "nan": with_evidence(b'{"a":NaN}'),
    "infinity": with_evidence(b'{"a":-Infinity}'),
    "overflow": with_evidence(b'{"a":1e999}'),
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "utf-16": GOOD.decode().encode("utf-16"),
    "utf-16-le": GOOD.decode().encode("utf-16-le"),
    "latin-1": with_evidence(b'{"a":"\xe9"}'),
    "utf-8": with_evidence('{"a":"é"}'.encode()),
    "upper-case escape": with_evidence(b'{"a":"\\u00E9"}'),
    "trailing data": GOOD + b"{}\n",
    "trailing newline": GOOD + b"\n",
    "no newline": GOOD[:-1],
    "leading space": b" " + GOOD,
    "pretty": GOOD.replace(b":1,", b": 1,"),
    "truncated": GOOD[: len(GOOD) // 2],
    "lone surrogate": with_evidence(b'{"a":"\\ud800"}'),
    "raw nul": with_evidence(b'{"a":"\x00"}'),
    "minus zero": with_evidence(b'{"a":-0}'),
    "other float": with_evidence(b'{"a":1.0e2}'),
    "keys not sorted": with_evidence(b'{"b":1,"a":1}'),
    "open string": GOOD[:-3] + b'"' + b"[" * 10,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable(name):
    data = UNREADABLE[name]
    assert data != GOOD
    report = check_bytes(data, as_stated=True)
    assert (report.verdict, report.status, report.errors[0].code) == ("unreadable", 2, "json"), report


DECLINED = {
    "deep": b"[" * 100_000,
    "deep and closed": b"[" * 100_000 + b"]" * 100_000 + b"\n",
    "deep objects": b'{"a":' * 100_000,
    "deep evidence": with_evidence(b'{"a":' + b"[" * 70 + b"]" * 70 + b"}"),
    "giant integer": with_evidence(b'{"a":' + b"9" * 100_000 + b"}"),
    "large": b" " * (MAX_BYTES + 1),
}


@pytest.mark.parametrize("name", DECLINED)
def test_declined(name):
    report = check_bytes(DECLINED[name], as_stated=True)
    assert (report.verdict, report.status, report.errors[0].code) == ("declined", 3, "declined")


@pytest.mark.parametrize("text", [b"{}", b'{"a":[0.25,"\\u0000"]}', b'{"a":"[[[[\\"[["}', b'{"a":"\\ud83d\\ude00"}'])
def test_readable(text):
    assert check_bytes(with_evidence(text)).verdict == "accepted-as-stated"


@pytest.mark.parametrize("value", [None, True, 1, "x", [], {}, [[]], {"format": "tpproof-certificate"}])
def test_other_json_is_rejected(value):
    report = check_bytes(canonical(value))
    assert (report.verdict, report.errors[0].code) == ("rejected", "schema")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"id":1,', b'"id":true,'),
        (b'"id":1,', b'"id":1.0,'),
        (b'"id":1,', b'"id":1e0,'),
        (b'"version":1}\n', b'"version":true}\n'),
        (b'"version":1}\n', b'"version":1.0}\n'),
        (b"[[[0,1],-1]]", b"[[[0,true],-1]]"),
        (b"[[[0,1],-1]]", b"[[[0,1.0],-1]]"),
        (b"[[[0,1],-1]]", b"[[[false,1],-1]]"),
        (b'["moment2",2,2]', b'["moment2",true,2]'),
        (b'["moment2",2,2]', b'["moment2",2,2.0]'),
        (b'["moment2",2,2]', b'["moment2","2",2]'),
        (b'"outputs":1}', b'"outputs":true}'),
        (b'"id":1,', b'"id":9007199254740993,'),
        (b'"premises":[0]', b'"premises":[false]'),
        (b'"premises":[0]', b'"premises":[0,0]'),
        (b'"premises":[0]', b'"premises":{"0":0}'),
        (b"false],[", b"0],["),
    ],
)
def test_types_are_strict(old, new):
    made = [canonical(certificate(name)) for name in NETWORKS]
    data = next(data for data in made if old in data)
    report = check_bytes(data.replace(old, new, 1), as_stated=True)
    assert report.verdict in ("rejected", "unreadable") and report.status in (1, 2)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
@example(len(GOOD) - 1, 32)
def test_no_single_byte_may_change(position, byte):
    if GOOD.index(EVIDENCE) <= position < GOOD.index(EVIDENCE) + len(EVIDENCE) or GOOD[position] == byte:
        return
    data = GOOD[:position] + bytes([byte]) + GOOD[position + 1 :]
    report = check_bytes(data, as_stated=True)
    assert report.status in (1, 2, 3) and report.verdict != "accepted-as-stated"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes(data):
    assert check_bytes(data).verdict in ("unreadable", "rejected", "declined")
