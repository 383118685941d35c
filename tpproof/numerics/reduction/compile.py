"""From a proof to the numbers of its kernel: every expectation atom reduced to Gaussian directions, in program order.

Rules, each a generator that asks for what it needs (a 1000-layer network meets no recursion limit): covariances (64),
moments of sums expanded bilinearly, factorisation over independent groups, Stein's lemma for polynomial factors,
contractions (65), squared distances without cancellation, path sums and Proposition D.3's terms.
"""

from __future__ import annotations

from tpproof.errors import TpproofError
from tpproof.numerics.functions import require_known
from tpproof.numerics.reduction.excesses import Excesses
from tpproof.numerics.reduction.plan import Plan, Product, Slot
from tpproof.numerics.reduction.questions import Ask
from tpproof.numerics.reduction.univariate import Library
from tpproof.program.atoms import Atom, Pair, Terms
from tpproof.program.constants import ONE, Constant, mul
from tpproof.proof.prove import Execution, Proof


class Compiler(Excesses):
    """The numbers of an execution: path sums over atoms, atoms over directions."""

    def __init__(self, execution: Execution, library: Library) -> None:
        super().__init__(execution.form, library)
        self.execution = execution
        self.sums = execution.every_sum

    def plan(self) -> Plan:
        """The whole plan. Raises NotReducible where an expectation is left to samples."""
        count = range(len(self.program.outputs))
        ntk = tuple(tuple(self.solve("kernel", o, p) for p in count) for o in count)
        nngp = tuple(tuple(self.solve("output_moment", o, p) for p in count) for o in count)
        return Plan(tuple(self.own.steps), tuple(self.pair.steps), {"ntk": ntk, "nngp": nngp})

    def kernel(self, o: int, p: int) -> Ask:
        """(96), or (100) written with contracted stretches: the proved K_op."""
        return (yield from self._terms(self.execution.kernels[o, p]))

    def path_sum(self, pair: Pair) -> Ask:
        """C(g̃, g)."""
        return (yield from self._terms(self.sums[pair]))

    def _terms(self, terms: Terms) -> Ask:
        products: list[Product] = []
        for weight, ref in terms:
            constant: Constant = ONE
            slots: list[Slot] = []
            zero = False
            for atom in weight:
                factor = yield ("atom", atom)
                if factor is None:
                    zero = True
                    break
                value = self.pair.value(factor)
                if value is not None:
                    constant = mul(constant, value)
                else:
                    slots.append(factor)
            if zero:
                continue
            if ref is not None:
                earlier = yield ("path_sum", ref)
                if earlier is None:
                    continue
                slots.append(earlier)
            products.append((constant, tuple(slots)))
        return self.pair.total(products)

    def atom(self, atom: Atom) -> Ask:
        """The pair slot of an expectation atom, None where it is 0."""
        kind, *rest = atom
        r = [int(i) for i in rest]
        parameters = self.program.parameters
        match kind:
            case "sigma2":
                return self._constant(parameters[r[0]].variance(bool(r[1])))
            case "kappa":
                return self._constant(parameters[r[0]].rate(bool(r[1])))
            case "number":
                return self._constant(self.program.nodes[r[0]].data[0])
            case "gram":
                return self.pair.add("gram", (), r)
            case "moment2":
                return (yield ("moment", "pair", r[0], r[1]))
            case "slope":
                return (yield ("slope_product", r[0], r[1], r[2], r[3]))
            case "scalar":
                own = yield ("scalar", r[1])
            case "slope1":
                own = yield ("mean_slope", r[1], r[2])
            case "response":
                own = yield ("response", r[1], r[2])
            case _:
                raise ValueError(f"{kind} is no atom")
        return None if own is None else self.broadcast("pair", r[0], own)

    def _constant(self, c: Constant) -> Slot | None:
        return None if c == 0 else self.pair.number(c)

    def slope_product(self, x: int, a: int, y: int, b: int) -> Ask:
        """E[∂_a Z^x̃ · ∂_b Z^y]."""
        left = yield ("slope_expansion", x, a)
        right = yield ("slope_expansion", y, b)
        return (yield from self.expected("pair", left, right))

    def output_moment(self, o: int, p: int) -> Ask:
        """E[f_o f_p] at initialization: the NNGP kernel."""
        first, second = self.program.outputs[o], self.program.outputs[p]
        products: list[Product] = []
        for v, x in first.terms:
            for w, y in second.terms:
                moment = (yield ("moment", "pair", x, y)) if v == w else None
                if moment is not None:
                    products.append((self.program.parameters[v].variance(), (moment,)))
        if first.bias is not None and first.bias == second.bias:
            products.append((self.program.parameters[first.bias].variance(), ()))
        return self.pair.total(products)


def compiled(proof: Proof | Execution, library: Library | None = None) -> Plan:
    """The plan of a proved network's kernels.

    Raises
    ------
    NotReducible
        When an expectation reads several directions in a way that no rule takes apart.
    TpproofError
        E150 for a refused network, or an abstract nonlinearity that `library` does not know.
    """
    execution = proof.execution if isinstance(proof, Proof) else proof
    if execution is None:
        raise TpproofError("E150", "a refused network", "one with a proof")
    require_known(execution.form.program, library or {})
    return Compiler(execution, library or {}).plan()
