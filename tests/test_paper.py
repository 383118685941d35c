"""The paper's own examples, §3.1 and §3.2 with Appendix A, come out as the paper has them.

In the paper σ = κ = 1 and d = 1; here the factors are kept, so that each equation shows where they stand.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tpproof.language.source import load
from tpproof.limit.changes import Change
from tpproof.proof.difference import output_polynomial
from tpproof.proof.polynomial import Polynomial
from tpproof.proof.prove import Execution, Proof, prove

XI = ("gram", 0, 0, 0, 0)  # ξ̃ᵀξ/d


def proof(name: str) -> Proof:
    return prove(load(f"zoo:{name}"))


def execution(name: str) -> Execution:
    found = proof(name).execution
    assert found is not None
    return found


def terms(change: Change) -> set[tuple[frozenset[object], object]]:
    return {(frozenset(weight), ref) for weight, ref in change.terms}


def kernel(name: str) -> Polynomial:
    found = execution(name)
    return output_polynomial(found.sums, found.kernels[0, 0], 1000)


@pytest.fixture(scope="module")
def found() -> Execution:
    return execution("mlp2")


class TestOneHiddenLayer:
    """V = v, U = u: h = Uξ (node 0), x = φ(h) (node 1)."""

    U, V = ("kappa", 0, 0), ("sigma2", 1, 0)
    SLOPES = ("slope", 1, 0, 1, 0)  # E φ'(Z^h̃) φ'(Z^h)

    def test_eq_10_and_29_the_kernel(self) -> None:
        """K = ξᵀξ̃ E φ'(Z^h)φ'(Z^h̃) (the readout is not trained: its κ is 0)."""
        untrained = (("kappa", 1, 0), ("moment2", 1, 1))
        expected = Counter({tuple(sorted([self.U, self.V, XI, self.SLOPES])): 1, untrained: 1})
        assert kernel("mlp1") == expected
        assert load("zoo:mlp1").parameters[1].rate() == 0

    def test_eq_5_and_35_the_change_of_h_and_of_x(self) -> None:
        found = execution("mlp1").changes
        assert terms(found[0, 0]) == {(frozenset([self.U, XI]), None)}
        assert terms(found[1, 1]) == {(frozenset([self.SLOPES]), (0, 0))}


class TestTwoHiddenLayers:
    """g = Uξ (node 0), z = φ(g) (1), h = Wz (2), x = φ(h) (3)."""

    G, Z, H, X = range(4)
    U, W, V = range(3)
    ZZ = ("moment2", 1, 1)  # E Z^z̃ Z^z
    SLOPE_G = ("slope", 1, 0, 1, 0)  # E φ'(Z^g̃) φ'(Z^g)
    SLOPE_H = ("slope", 3, 2, 3, 2)

    def test_eq_53_and_41_the_error_signal_of_h(self, found: Execution) -> None:
        """Z^dh = φ'(Z^h) Z^v, so D(h,h) = E[φ'φ'] D(x,x), and v is read at x."""
        assert found.signals[self.H, self.H].terms == (((self.SLOPE_H,), (self.X, self.X)),)
        assert found.signals[self.X, self.X].reads == ((self.V, 0, 0),)

    def test_eq_42_and_44_the_error_signal_of_g(self, found: Execution) -> None:
        """dg = φ'(g) ⊙ Wᵀdh; E[Z^dg̃ Z^dg] = E[φ'(Z^g̃)φ'(Z^g)] E[Z^dh̃ Z^dh]."""
        assert found.signals[self.G, self.G].terms == (((self.SLOPE_G,), (self.Z, self.Z)),)
        assert found.signals[self.Z, self.Z].terms == (((("sigma2", self.W, 0),), (self.H, self.H)),)

    def test_eq_39_40_43_the_kernel_by_its_definition(self, found: Execution) -> None:
        """K = ξᵀξ̃ E[Z^dg̃ Z^dg] + E[Z^z̃ Z^z] E[Z^dh̃ Z^dh]."""
        sources = {(frozenset(weight), pair) for weight, pair in found.ntk.terms}
        assert sources == {
            (frozenset([("kappa", self.U, 0), XI]), (self.G, self.G)),
            (frozenset([("kappa", self.W, 0), self.ZZ]), (self.H, self.H)),
        }

    def test_eq_54_the_change_of_z(self, found: Execution) -> None:
        """Z^δz̃ = −χ ξᵀξ̃ φ'(Z^g̃) φ'(Z^g) Z^{Wᵀdh}."""
        assert terms(found.changes[self.G, self.G]) == {(frozenset([("kappa", self.U, 0), XI]), None)}
        assert terms(found.changes[self.Z, self.Z]) == {(frozenset([self.SLOPE_G]), (self.G, self.G))}

    def test_eq_55_58_59_the_change_of_h(self, found: Execution) -> None:
        """Z^δh̃ = Z^{Wδz̃} − χ E[Z^z Z^z̃] Z^dh, with Ż^{Wδz̃} = Z^dh E[∂Z^δz̃/∂Z^{Wᵀdh}] (Claim 3.2)."""
        assert terms(found.changes[self.H, self.H]) == {
            (frozenset([("kappa", self.W, 0), self.ZZ]), None),
            (frozenset([("sigma2", self.W, 0)]), (self.Z, self.Z)),
        }

    def test_eq_15_16_57_the_change_of_the_output(self, found: Execution) -> None:
        """E Z^v Z^δx̃ = −χ E[φ'φ'] (E[Z^z̃ Z^z] + ξᵀξ̃ E[φ'φ']): w's term (15), u's term (16)."""
        assert terms(found.changes[self.X, self.X]) == {(frozenset([self.SLOPE_H]), (self.H, self.H))}
        outer = [("sigma2", self.V, 0), self.SLOPE_H]
        from_w = tuple(sorted([*outer, ("kappa", self.W, 0), self.ZZ]))
        from_u = tuple(sorted([*outer, ("sigma2", self.W, 0), self.SLOPE_G, ("kappa", self.U, 0), XI]))
        untrained = (("kappa", self.V, 0), ("moment2", 3, 3))
        assert kernel("mlp2") == Counter({from_w: 1, from_u: 1, untrained: 1})

    def test_claim_3_1_is_proved(self) -> None:
        assert proof("mlp2").verdict == "proved"
        assert proof("mlp2").failures == ()


def test_a_lost_zdot_term_would_not_pass_as_eq_59(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tpproof.limit.changes.zdot_of_change", lambda *_: ())
    assert proof("mlp2").verdict == "refuted"
