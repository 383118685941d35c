"""Helpers of the checker's tests."""

import copy
import hashlib
from functools import cache

from tpproof.checker import Report, check_bytes

from .naive_prover import canonical, make
from .networks import NETWORKS


@cache
def _made(name):
    return make(NETWORKS[name], listed=True)


def certificate(name):
    """A fresh copy of the naive certificate of a network."""
    return copy.deepcopy(_made(name))


def check(value, **options) -> Report:
    options.setdefault("allow_conditional", True)
    return check_bytes(canonical(value), **options)


def find(value, rule, **where):
    """The first step of a rule that has a conclusion as described (subject=..., or test=...)."""
    test = where.get("test", lambda step: True)
    return next(s for s in value["steps"] if s["rule"] == rule and test(s))


def rehash(value):
    value["network_sha256"] = hashlib.sha256(canonical(value["network"])).hexdigest()
    return value


def rejected(value, code, step=None, rule=None, **options):
    """Check that a certificate is rejected for this reason at this place."""
    report = check(value, **options)
    assert report.verdict == "rejected", report
    assert report.status == 1 and report.axioms == ()
    (error,) = report.errors
    assert (error.code, error.step, error.rule) == (code, step, rule), error
    assert error.expected and error.found and len(error.expected) < 500 and len(error.found) < 500
    assert (error.expected + error.found).isascii()
    return error


def renumber(value, keep):
    """Drop the steps whose id is not in `keep` and renumber the others everywhere."""
    position = {old: new for new, old in enumerate(sorted(keep))}

    def moved(x):
        return position.get(x, -1) if x >= 0 else x

    steps = []
    for step in value["steps"]:
        if step["id"] not in keep:
            continue
        c = step["conclusion"]
        match c[0]:
            case "C" | "J" | "D" | "K96" | "limit":
                c[3] = sorted([w, moved(r), *image] for w, r, *image in c[3])
                if c[0] in ("J", "limit"):
                    c[4] = moved(c[4])
            case "K100":
                c[1] = sorted([w, moved(r)] for w, r in c[1])
            case "107":
                c[2] = [[k, moved(j)] for k, j in c[2] if j in keep]
            case "duality":
                c[1:] = [moved(c[1]), [moved(k) for k in c[2] if k in keep]]
        step["premises"] = sorted(position[p] for p in step["premises"] if p in keep)
        step["id"] = position[step["id"]]
        steps.append(step)
    value["steps"] = steps
    return value
