"""The Builder's rules: interning, folding, flattening, and an error with its code for what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings

from tests.strategies import programs
from tpproof.errors import CODES, Place, TpproofError
from tpproof.limits import Limits
from tpproof.program import constants
from tpproof.program.builder import Builder
from tpproof.program.constants import ONE, ZERO
from tpproof.program.model import Kind, Node, Program
from tpproof.program.replay import replay

HALF = Fraction(1, 2)
ROOT_2 = constants.power(Fraction(2), HALF)


class Net(Builder):
    """A builder with one of everything declared."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits or Limits())
        self.xi = self.input("xi", 3)
        self.u, self.w = self.parameter("embedding", "U"), self.parameter("matrix", "W")
        self.c, self.v = self.parameter("bias", "b"), self.parameter("readout", "v")
        self.c0 = self.parameter("output_bias", "c0")
        self.phi, self.psi = self.nonlinearity("phi"), self.nonlinearity("psi", 2)
        self.x, self.y, self.z = (self.embed(self.u, self.xi, part) for part in range(3))

    def scalar(self) -> int:
        return self.mean(self.x)

    def node(self, k: int) -> tuple[str, tuple[int, ...]]:
        return self.nodes[k].op, self.nodes[k].args

    def times(self, value: int | Fraction, x: int) -> int:
        return self.mul(self.constant(Fraction(value)), x)


def refused(code: str, build: Callable[[], object]) -> TpproofError:
    with pytest.raises(TpproofError) as error:
        build()
    assert error.value.code == code
    assert error.value.found and error.value.cause == CODES[code][0]
    return error.value


# interning --------------------------------------------------------------------------------------------


def test_the_same_instruction_is_one_node() -> None:
    b = Net()
    assert b.embed(b.u, b.xi, 1) == b.y != b.x
    assert b.matmul(b.w, False, b.x) == b.matmul(b.w, False, b.x) != b.matmul(b.w, True, b.x)
    assert b.call("tanh", b.x) == b.call("tanh", b.x) != b.call(b.phi, b.x)
    assert b.bias(b.c) == b.bias(b.c)
    assert b.ones() == b.ones()
    assert b.mean(b.x) == b.mean(b.x)
    assert b.constant(2) == b.constant(Fraction(2))


def test_kinds_follow_what_is_read() -> None:
    b = Net()
    theta = b.scalar()
    assert [b.kinds[k] for k in (b.x, theta, b.constant(1))] == [Kind.VECTOR, Kind.SCALAR, Kind.CONSTANT]
    assert b.kinds[b.mul(theta, b.x)] is b.kinds[b.power(b.x, Fraction(2))] is Kind.VECTOR
    assert b.kinds[b.call("tanh", theta)] is b.kinds[b.add(theta, b.constant(1))] is Kind.SCALAR


# folding ----------------------------------------------------------------------------------------------


def test_equal_terms_of_a_sum_are_collected() -> None:
    b = Net()
    assert b.add(b.x, b.x) == b.times(2, b.x)
    assert b.add(b.times(2, b.x), b.times(HALF, b.x)) == b.times(Fraction(5, 2), b.x)
    assert b.add(b.mul(b.x, b.y), b.times(2, b.mul(b.x, b.y))) == b.times(3, b.mul(b.x, b.y))
    assert b.add(b.x, b.y, b.times(-1, b.x)) == b.y


def test_a_sum_that_cancels_is_zero_of_its_kind() -> None:
    b = Net()
    theta = b.scalar()
    assert b.add(b.x, b.times(-1, b.x)) == b.zeros()
    assert b.kinds[b.zeros()] is Kind.VECTOR
    assert b.add(theta, b.times(-1, theta)) == b.constant(0)
    assert b.add(b.x, b.zeros()) == b.x


def test_constants_fold_in_sums_products_and_powers() -> None:
    b = Net()
    theta = b.scalar()
    assert b.add(theta, b.constant(1), b.constant(2)) == b.add(theta, b.constant(3))
    assert b.add(b.constant(1), b.constant(2)) == b.mul(b.constant(3), b.constant(1)) == b.constant(3)
    assert b.power(b.constant(4), HALF) == b.constant(2)
    assert b.power(b.constant(2), HALF) == b.constant(ROOT_2)
    assert b.mul(b.constant(ROOT_2), b.constant(ROOT_2), b.x) == b.times(2, b.x)
    assert b.times(1, b.x) == b.x


def test_products_are_flattened_with_the_constant_first() -> None:
    b = Net()
    product = b.mul(b.mul(b.times(2, b.x), b.y), b.times(3, b.z))
    assert b.node(product) == ("mul", (b.constant(6), b.x, b.y, b.z))
    assert b.times(HALF, b.times(2, b.mul(b.x, b.y))) == b.mul(b.x, b.y)


def test_zero_times_a_vector_is_the_zero_vector_and_times_a_scalar_the_constant_zero() -> None:
    b = Net()
    assert b.times(0, b.x) == b.mul(b.x, b.times(0, b.y)) == b.zeros()
    assert b.times(0, b.scalar()) == b.constant(0)


def test_ones_are_the_unit_of_products_and_of_powers() -> None:
    b = Net()
    theta = b.scalar()
    assert b.mul(b.ones(), b.x) == b.mul(b.x, b.ones(), b.ones()) == b.x
    assert b.mul(b.ones(), b.ones()) == b.ones()
    assert b.node(b.mul(theta, b.ones())) == ("mul", (theta, b.ones()))
    assert b.power(b.ones(), Fraction(-3, 2)) == b.ones()
    assert b.power(b.x, ZERO) == b.ones()
    assert b.power(b.x, ONE) == b.x
    assert b.power(theta, ZERO) == b.constant(1)


def test_identity_sqrt_and_the_usual_slope_are_spelt_with_other_nodes() -> None:
    b = Net()
    assert b.apply("identity", b.x) == b.x
    assert b.apply("sqrt", b.x) == b.power(b.x, HALF)
    assert b.apply("leaky_relu", b.x) == b.call("leaky_relu", b.x, b.constant(Fraction(1, 100)))


# the finished program ---------------------------------------------------------------------------------


def test_a_sum_that_only_a_sum_reads_is_written_out_in_it() -> None:
    b = Net()
    b.output([(b.v, b.add(b.add(b.x, b.y), b.z))])
    assert b.program().nodes[-1] == Node("add", (0, 1, 2))


def test_a_sum_that_others_read_too_stays() -> None:
    b = Net()
    inner = b.add(b.x, b.y)
    b.output([(b.v, b.add(inner, b.call("tanh", inner)))])
    assert [node.op for node in b.program().nodes] == ["embed", "embed", "add", "call", "add"]


def test_what_no_output_reads_is_dropped_and_nodes_are_numbered_as_outputs_meet_them() -> None:
    b = Net()
    b.call("tanh", b.y)
    b.output([(b.v, b.call("sin", b.z))])
    program = b.program()
    assert program.nodes == (Node("embed", (), (b.u, b.xi, 2)), Node("call", (0,), ("sin",)))
    assert [p.name for p in program.parameters] == ["U", "W", "b", "v", "c0"]


def test_two_orders_of_construction_give_one_program() -> None:
    def build(first: str, second: str) -> Program:
        b = Net()
        made = {name: b.call(name, b.x) for name in (first, second)}
        b.output([(b.v, b.add(made["tanh"], made["sin"]))])
        return b.program()

    assert build("tanh", "sin") == build("sin", "tanh")


def test_a_readout_of_several_vectors_reads_their_sum() -> None:
    b = Net()
    b.output([(b.v, b.x), (b.v, b.y)], b.c0)
    (out,) = b.program().outputs
    assert out.terms == ((b.v, 2),)
    assert out.bias == b.c0
    assert b.program().nodes[2] == Node("add", (0, 1))


def test_readouts_of_an_output_are_in_the_order_of_their_declaration() -> None:
    b = Net()
    z = b.parameter("readout", "z")
    b.output([(z, b.x), (b.v, b.y)])
    assert [v for v, _ in b.program().outputs[0].terms] == [b.v, z]


def test_nodes_remember_the_place_where_they_were_written() -> None:
    b = Net()
    b.place = Place("net.tp", 7, 1)
    b.output([(b.v, b.call("tanh", b.x))])
    assert b.program().places == (None, Place("net.tp", 7, 1))
    assert "net.tp:7:1" in str(refused("E123", lambda: b.call("tanh", b.x, b.y)))


def test_replay_can_make_an_abstract_function_a_known_one() -> None:
    b = Net()
    b.output([(b.v, b.call(b.phi, b.x))])
    program = replay(b.program(), functions={"phi": "tanh"}).program()
    assert program.functions == (("psi", 2),)
    assert program.nodes[-1] == Node("call", (0,), ("tanh",))


@settings(max_examples=100, deadline=None)
@given(programs(transposes=True))
def test_every_node_is_reached_and_reads_earlier_ones(program: Program) -> None:
    read = {x for out in program.outputs for _, x in out.terms}
    for k in range(len(program.nodes) - 1, -1, -1):
        assert k in read
        assert all(a < k for a in program.nodes[k].args)
        read.update(program.nodes[k].args)
    assert len(set(program.nodes)) == len(program.nodes)


# what does not fit ------------------------------------------------------------------------------------


def test_e103_an_unknown_function() -> None:
    b = Net()
    refused("E103", lambda: b.call("tnah", b.x))


def test_e104_more_nodes_than_the_limit() -> None:
    b = Net(Limits(nodes=4))
    b.call("tanh", b.x)
    assert "4" in refused("E104", lambda: b.call("sin", b.x)).found
    b.call("tanh", b.x)  # known already


def test_e104_an_exponent_beyond_the_limit() -> None:
    b = Net()
    refused("E104", lambda: b.power(b.x, Fraction(65)))
    refused("E104", lambda: b.power(b.x, Fraction(1, 65)))
    b.power(b.x, Fraction(64))


@pytest.mark.parametrize("name", ["xi", "U", "phi", "tanh", "leaky_relu", "softmax", "mean", "ones", "zeros", "sqrt"])
def test_e110_a_name_taken(name: str) -> None:
    refused("E110", lambda: Net().input(name))
    refused("E110", lambda: Net().parameter("matrix", name))
    refused("E110", lambda: Net().nonlinearity(name))


@pytest.mark.parametrize("name", ["", "_a", "1a", "a-b", "a b", "ä", "a\n", "x" * 65, None, 3])
def test_e111_a_name_of_the_wrong_form(name: str) -> None:
    refused("E111", lambda: Net().input(name))


def test_e111_accepts_the_longest_name() -> None:
    Net().input("x" * 64)


def test_e112_a_declaration_with_a_wrong_argument() -> None:
    for count in (0, -1, True, 1.0, 200_001):
        refused("E112", lambda count=count: Net().input("eta", count))
    for arity in (0, 9, True, 1.0):
        refused("E112", lambda arity=arity: Net().nonlinearity("chi", arity))
    refused("E112", lambda: Net().parameter("tensor", "T"))
    for numbers in ({"std": ZERO}, {"std": Fraction(-1)}, {"scale": ZERO}, {"lr": Fraction(-1, 2)}):
        refused("E112", lambda numbers=numbers: Net().parameter("matrix", "M", **numbers))
    Net().parameter("matrix", "M", ROOT_2, Fraction(-2), ZERO)


def test_e120_vectors_and_scalars_do_not_mix() -> None:
    b = Net()
    theta = b.scalar()
    assert "vector + scalar" in refused("E120", lambda: b.add(b.x, theta)).found
    refused("E120", lambda: b.add(b.constant(1), b.x))
    refused("E120", lambda: b.call(b.psi, b.x, theta))
    b.add(b.x, b.mul(theta, b.ones()))


def test_e121_a_matrix_times_what_is_no_vector() -> None:
    b = Net()
    assert "scalar" in refused("E121", lambda: b.matmul(b.w, False, b.scalar())).found
    assert "constant" in refused("E121", lambda: b.matmul(b.w, True, b.constant(2))).found


def test_e121_a_parameter_of_the_wrong_kind() -> None:
    b = Net()
    refused("E121", lambda: b.matmul(b.u, False, b.x))
    refused("E121", lambda: b.embed(b.w, b.xi))
    refused("E121", lambda: b.bias(b.c0))
    refused("E121", lambda: b.output([(b.w, b.x)]))
    refused("E121", lambda: b.output([(b.v, b.x)], b.c))


def test_e122_a_readout_inside_the_network() -> None:
    b = Net()
    refused("E122", lambda: b.matmul(b.v, False, b.x))
    refused("E122", lambda: b.bias(b.v))
    refused("E122", lambda: b.embed(b.v, b.xi))
    refused("E122", lambda: b.output([(b.v, b.x)], b.v))


def test_e123_a_function_used_wrongly() -> None:
    b = Net()
    refused("E123", lambda: b.call("tanh", b.x, b.y))
    refused("E123", lambda: b.call(b.psi, b.x))
    refused("E123", lambda: b.call("tanh", b.constant(1)))
    refused("E123", lambda: b.call("leaky_relu", b.x, b.scalar()))
    refused("E123", lambda: b.apply("sqrt", b.x, b.y))
    refused("E123", lambda: b.mean(b.scalar()))
    refused("E123", lambda: b.mean(b.constant(1)))


@pytest.mark.parametrize("part", [-1, 3, True, 1.0, None])
def test_e124_a_part_that_the_input_does_not_have(part: int) -> None:
    b = Net()
    assert refused("E124", lambda: b.embed(b.u, b.xi, part)).expected == "0 to 2"


def test_e125_a_constant_without_a_value() -> None:
    b = Net()
    refused("E125", lambda: b.power(b.constant(0), Fraction(-1)))
    refused("E125", lambda: b.power(b.constant(-2), HALF))


def test_e130_no_output() -> None:
    refused("E130", Net().program)


def test_e131_a_wrong_argument_of_output() -> None:
    b = Net()
    refused("E131", lambda: b.output([]))
    refused("E131", lambda: b.output([(b.v, b.scalar())]))
