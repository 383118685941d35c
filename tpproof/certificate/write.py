"""From a proof to a certificate's JSON value."""

from __future__ import annotations

from typing import Any

from tpproof.certificate.model import FORMAT, RULES, VERSION, Certificate
from tpproof.certificate.steps import write_steps
from tpproof.program.canonical import sha256
from tpproof.program.canonical import to_json as network_to_json
from tpproof.proof.ledger import to_json as assumption_to_json
from tpproof.proof.prove import REFUSED, Proof

TOOL_VERSION = "0.1.0"


def certificate_of(proof: Proof, name: str | None = None) -> Certificate:
    """The certificate of a proof. A refused network's has a ledger and no steps."""
    program = proof.program
    atoms: list[list[Any]] = []
    steps: list[dict[str, Any]] = []
    generators: list[dict[str, Any]] = []
    if proof.execution is not None and proof.verdict not in (REFUSED, "refuted"):
        writer = write_steps(program, proof.execution)
        atoms, steps = [list(atom) for atom in writer.atoms], writer.steps
        generators = [symmetry.to_json() for symmetry in proof.execution.orbits.symmetries]
    return Certificate(
        {
            "format": FORMAT,
            "version": VERSION,
            "rules": RULES,
            "network": network_to_json(program),
            "network_sha256": sha256(program),
            "claim": {"kind": "ntk-training", "outputs": len(program.outputs)},
            "axioms": list(proof.axioms),
            "assumptions": [assumption_to_json(entry) for entry in proof.assumptions],
            "symmetries": generators,
            "atoms": atoms,
            "steps": steps,
            "verdict": proof.verdict,
            "evidence": {
                "name": name or program.name,
                "version": TOOL_VERSION,
                "path_pairs": str(proof.path_pairs) if proof.path_pairs.bit_length() < 10_000 else None,
                "path_pairs_hex": hex(proof.path_pairs),
                "machine": proof.machine,
                "failures": [failure.to_json(program) for failure in proof.failures],
            },
        }
    )
