"""The canonical form: read back what is written, and nothing else."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.networks import recurrent, residual, tied, two_hidden_layers
from tests.strategies import programs
from tpproof.errors import TpproofError
from tpproof.limits import Limits
from tpproof.program import constants
from tpproof.program.builder import Builder
from tpproof.program.canonical import canonical_bytes, from_json, sha256, to_json
from tpproof.program.constants import Constant
from tpproof.program.model import Program


def everything() -> Program:
    """A network with every kind of node and of declaration."""
    b = Builder()
    xi = b.input("xi", 2)
    u, w = b.parameter("embedding", "U", std=Fraction(3, 2)), b.parameter("matrix", "W", scale=Fraction(-1))
    root: Constant = constants.power(Fraction(2), Fraction(1, 2))
    c, v, c0 = b.parameter("bias", "b", std=root), b.parameter("readout", "v"), b.parameter("output_bias", "c0")
    psi = b.nonlinearity("psi", 2)
    x = b.add(b.embed(u, xi, 1), b.bias(c), b.mul(b.constant(root), b.ones()))
    theta = b.add(b.mean(b.power(x, Fraction(2))), b.constant(Fraction(1, 10)))
    y = b.mul(b.power(theta, Fraction(-1, 2)), b.call(psi, x, b.matmul(w, True, x)))
    b.output([(v, b.call("tanh", y))], c0)
    b.output([(v, b.matmul(w, False, y))])
    return b.program()


NETWORKS = [two_hidden_layers(), residual(3), recurrent(3, every=True), tied(), everything()]


def changed(change: Callable[[dict[str, Any]], object], program: Program | None = None) -> dict[str, Any]:
    value = json.loads(canonical_bytes(to_json(program or everything())))
    change(value)
    return value


def refused(value: object, code: str = "E105") -> None:
    with pytest.raises(TpproofError) as error:
        from_json(value)
    assert error.value.code == code


@pytest.mark.parametrize("program", NETWORKS, ids=range(len(NETWORKS)))
def test_what_is_written_is_read_back(program: Program) -> None:
    assert from_json(to_json(program)) == program


def test_the_bytes_are_sorted_ascii_without_spaces() -> None:
    assert canonical_bytes({"b": [1, None, True], "a": "ξ"}) == b'{"a":"\\u03be","b":[1,null,true]}\n'


def test_nan_has_no_canonical_bytes() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_bytes([math.nan])


def test_the_hash_is_that_of_the_bytes_and_knows_no_names_of_networks() -> None:
    program = two_hidden_layers()
    text = json.dumps(to_json(program), sort_keys=True, separators=(",", ":")) + "\n"
    assert sha256(program) == hashlib.sha256(text.encode("ascii")).hexdigest()
    assert sha256(from_json(to_json(program), name="another")) == sha256(program)
    assert sha256(two_hidden_layers(train_input=False)) != sha256(program)


def test_a_programs_json_is_as_the_format_says() -> None:
    value = to_json(two_hidden_layers())
    one = {"std": "1", "scale": "1", "lr": "1", "rows": "1", "cols": "1"}
    assert value == {
        "format": "tpproof-network",
        "version": 1,
        "inputs": [{"name": "xi", "count": None}],
        "parameters": [
            {"name": "U", "kind": "embedding", **one},
            {"name": "W", "kind": "matrix", **one},
            {"name": "v", "kind": "readout", **one},
        ],
        "functions": [{"name": "phi", "arity": 1}],
        "nodes": [["embed", 0, 0, 0], ["call", "phi", [0]], ["matmul", 1, 0, 1], ["call", "phi", [2]]],
        "outputs": [{"terms": [[2, 3]], "bias": None}],
    }


# what is not canonical --------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["format", "version", "inputs", "parameters", "functions", "nodes", "outputs"])
def test_a_missing_key_is_refused(key: str) -> None:
    refused(changed(lambda value: value.pop(key)))


@pytest.mark.parametrize("key, junk", [
    ("format", "tpproof"), ("version", 2), ("version", True), ("version", 1.0), ("version", "1"),
    ("inputs", None), ("parameters", {}), ("functions", ()), ("nodes", None), ("outputs", "v"),
])  # fmt: skip
def test_a_wrong_value_of_a_key_is_refused(key: str, junk: object) -> None:
    refused(changed(lambda value: value.update({key: junk})))


@pytest.mark.parametrize("where", [
    lambda value: value, lambda value: value["inputs"][0], lambda value: value["parameters"][0],
    lambda value: value["functions"][0], lambda value: value["outputs"][0],
])  # fmt: skip
def test_an_extra_key_is_refused(where: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    refused(changed(lambda value: where(value).update({"comment": "hello"})))


@pytest.mark.parametrize("junk", [None, 1, "program", [], math.nan])
def test_what_is_no_object_is_refused(junk: object) -> None:
    refused(junk)


@pytest.mark.parametrize("node", [
    ["matmul", 1, 0, 4], ["matmul", 1, 0, 3], ["call", "phi", [99]], ["add", [0, 3]], ["matmul", 1, 0, -1],
])  # fmt: skip
def test_a_forward_reference_is_refused(node: list[Any]) -> None:
    refused(changed(lambda value: value["nodes"].__setitem__(2, node), two_hidden_layers()))


@pytest.mark.parametrize("nodes, last", [
    ([["embed", 0, 0, 0], ["add", [0, 0]]], 1),  # 2 x
    ([["const", "1"], ["embed", 0, 0, 0], ["mul", [0, 1]]], 2),  # x
    ([["const", "2"], ["embed", 0, 0, 0], ["mul", [1, 0]]], 2),  # the constant comes first
    ([["const", "2"], ["const", "3"], ["embed", 0, 0, 0], ["mul", [0, 1, 2]]], 3),  # 6 x
    ([["embed", 0, 0, 0], ["pow", 0, "1"]], 1),
    ([["embed", 0, 0, 0], ["pow", 0, "0"]], 1),
    ([["ones"], ["embed", 0, 0, 0], ["mul", [0, 1]]], 2),
    ([["embed", 0, 0, 0], ["mul", [0, 0]], ["mul", [1, 0]]], 2),  # nested products
    ([["embed", 0, 0, 0], ["add", [0]]], 1),
    ([["embed", 0, 0, 0], ["mul", []]], 1),
])  # fmt: skip
def test_a_node_that_is_not_folded_is_refused(nodes: list[Any], last: int) -> None:
    def change(value: dict[str, Any]) -> None:
        value["nodes"], value["outputs"] = nodes, [{"terms": [[2, last]], "bias": None}]

    refused(changed(change, two_hidden_layers()))


def test_a_sum_that_is_not_flattened_is_refused() -> None:
    def change(value: dict[str, Any]) -> None:
        value["nodes"] = [["embed", 0, 0, 0], ["call", "phi", [0]], ["add", [0, 1]], ["ones"], ["add", [2, 3]]]
        value["outputs"] = [{"terms": [[2, 4]], "bias": None}]

    refused(changed(change, two_hidden_layers()))


def test_the_same_node_twice_is_refused() -> None:
    def change(value: dict[str, Any]) -> None:
        value["nodes"] = [["embed", 0, 0, 0], ["embed", 0, 0, 0], ["call", "phi", [1]]]
        value["outputs"] = [{"terms": [[2, 2]], "bias": None}]

    refused(changed(change, two_hidden_layers()))


def test_a_node_that_no_output_reaches_is_refused() -> None:
    refused(changed(lambda value: value["nodes"].append(["call", "psi", [0, 1]])))
    refused(changed(lambda value: value["outputs"].pop()))


def test_nodes_in_another_order_are_refused() -> None:
    def change(value: dict[str, Any]) -> None:
        value["nodes"] = [["param", 0], ["embed", 1, 0, 0], ["add", [1, 0]]]
        value["parameters"][0]["kind"], value["parameters"][1]["kind"] = "bias", "embedding"
        value["outputs"] = [{"terms": [[2, 2]], "bias": None}]

    refused(changed(change, two_hidden_layers()))


@pytest.mark.parametrize("outputs", [
    [{"terms": [[3, 3], [2, 2]], "bias": None}],  # readouts not ascending
    [{"terms": [[2, 3], [2, 2]], "bias": None}],  # one readout twice
])  # fmt: skip
def test_terms_of_an_output_out_of_order_are_refused(outputs: list[Any]) -> None:
    def change(value: dict[str, Any]) -> None:
        value["parameters"].append({**value["parameters"][2], "name": "z"})
        value["outputs"] = outputs

    refused(changed(change, two_hidden_layers()))


@pytest.mark.parametrize("node, position, junk", [
    (2, 2, True), (2, 2, False), (2, 2, 2), (2, 1, True), (0, 3, False), (0, 1, 0.0), (2, 3, 1.0), (2, 3, "1"),
    (2, 3, None), (1, 2, 0), (1, 2, [False]), (1, 1, 7), (0, 0, "input"), (0, 0, None), (2, 3, math.nan),
])  # fmt: skip
def test_a_value_of_another_type_in_a_node_is_refused(node: int, position: int, junk: object) -> None:
    refused(changed(lambda value: value["nodes"][node].__setitem__(position, junk), two_hidden_layers()))


@pytest.mark.parametrize("number", [
    "2/2", "1.0", "+1", 1, 1.0, None, True, math.nan, ["add", ["1"]], ["pow", "4", "1/2"],
    ["pow", "8", "1/2"], ["mul", ["2", ["pow", "1/2", "1/2"]]],
])  # fmt: skip
def test_a_constant_that_is_not_canonical_is_refused(number: object) -> None:
    refused(changed(lambda value: value["parameters"][1].update(std=number), two_hidden_layers()))


def test_errors_of_the_declarations_keep_their_codes() -> None:
    refused(changed(lambda value: value["inputs"][0].update(name="a b")), "E111")
    refused(changed(lambda value: value["inputs"][0].update(name="U")), "E110")
    refused(changed(lambda value: value["inputs"][0].update(count=0)), "E112")
    refused(changed(lambda value: value["inputs"][0].update(count=True)), "E112")
    refused(changed(lambda value: value["functions"][0].update(arity=True)), "E112")
    refused(changed(lambda value: value["parameters"][0].update(kind="tensor")), "E112")
    refused(changed(lambda value: value["parameters"][0].update(std="-1")), "E112")
    refused(changed(lambda value: value.update(outputs=[], nodes=[])), "E130")
    refused(changed(lambda value: value["outputs"][0].update(terms=[])), "E131")
    refused(changed(lambda value: value["outputs"][0].update(bias=0)), "E121")


def test_more_nodes_than_the_limit_are_refused() -> None:
    with pytest.raises(TpproofError) as error:
        from_json(to_json(residual(3)), Limits(nodes=5))
    assert error.value.code == "E104"


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from places(part, (*at, key))


JUNK = st.sampled_from(
    [None, True, False, 0, 1, 2, -1, 10**30, 0.0, 1.0, math.nan, math.inf, "", "1", "x", [], [0], {}]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.sampled_from(NETWORKS), programs(transposes=True, max_size=4)), st.data())
def test_with_anything_replaced_it_is_refused_or_another_canonical_program(program: Program, data: Any) -> None:
    value = json.loads(canonical_bytes(to_json(program)))
    at = data.draw(st.sampled_from([place for place in places(value) if place]), label="place")
    inner, other = value, copy.deepcopy(data.draw(JUNK, label="junk"))
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = other
    try:
        read = from_json(value)
    except TpproofError:
        return
    assert canonical_bytes(to_json(read)) == canonical_bytes(value)  # true is not 1, 1.0 is not 1


def test_an_untrained_parameter_is_read_back() -> None:
    program = two_hidden_layers(train_input=False)
    assert from_json(to_json(program)) == program


def test_a_sum_with_a_constant_times_a_product_is_read_back() -> None:
    b = Builder()
    u, v, xi = b.parameter("embedding", "U"), b.parameter("readout", "v"), b.input("xi", 2)
    x, y = b.embed(u, xi, 0), b.embed(u, xi, 1)
    b.output([(v, b.call("tanh", b.add(x, b.mul(b.constant(2), x, y))))])
    program = b.program()
    assert from_json(to_json(program)) == program
