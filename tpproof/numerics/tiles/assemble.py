"""From the builder's record to code: what is live, in which register, in which order. Linear in the record's length."""

from __future__ import annotations

import numpy as np

from tpproof.numerics.tiles.builder import COL, ROW, SECOND, TILE, Builder, Key, Part
from tpproof.numerics.tiles.code import Code, Op, OwnProgram

WIDTH = 11
PAIRS = (Op.ARC, Op.ARC_VERSINE, Op.ERF, Op.HERMITE)


def arguments(key: Key) -> list[int]:
    """The ids of the nodes that a node reads."""
    op = key[0]
    if op == "const" or op in (Op.LOAD, Op.GRAM, Op.EXCESS):
        return []
    if op == Op.SUM:
        return [i for _, a, b in key[2:] for i in (a, b) if i >= 0]
    if op == Op.HERMITE:
        return [key[1]]
    return list(key[1:])


def assemble(builder: Builder) -> Code:
    """Code for the outputs of a builder."""
    return _Assembler(builder).code()


class _Assembler:
    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.last_use = self._last_uses()
        self.own = {kind: self._own(kind) for kind in (ROW, COL)}
        self.vectors: dict[int, dict[int, int]] = {ROW: {}, COL: {}}  # node -> number in the tile code
        self.registers: dict[int, int] = {}
        self.free: list[int] = []
        self.count = 0
        self.instructions: list[list[int]] = []
        self.terms: list[tuple[int, int, int]] = []
        self.coefficients: list[float] = []

    def code(self) -> Code:
        outputs: dict[int, list[int]] = {}
        for number, node in enumerate(self.builder.outputs):
            outputs.setdefault(node, []).append(number)
        for node, key in enumerate(self.builder.nodes):
            if self.last_use[node] >= 0 and self.builder.kinds[node] == TILE and key[0] != SECOND:
                self._emit(node, key, outputs)
        names = self.builder.nodes
        live = [names[i] for i in range(len(names)) if self.last_use[i] >= 0]
        return Code(
            instructions=np.array(self.instructions, dtype=np.int64).reshape(-1, WIDTH),
            terms=np.array(self.terms, dtype=np.int64).reshape(-1, 3),
            coefficients=np.array(self.coefficients, dtype=np.float64),
            rows=self._program(ROW),
            cols=self._program(COL),
            grams=max((key[1] + 1 for key in live if key[0] == Op.GRAM), default=0),
            excesses=max((key[1] + 1 for key in live if key[0] == Op.EXCESS), default=0),
            outputs=len(self.builder.outputs),
            registers=self.count,
            tables=max((key[2] + 1 for key in live if key[0] == Op.HERMITE), default=0),
        )

    def _last_uses(self) -> list[int]:
        """For each node the last that reads it; itself for an output that nothing reads, -1 for what is not needed."""
        last = [-1] * len(self.builder.nodes)
        for node in self.builder.outputs:
            last[node] = max(last[node], node)
        for node in range(len(last) - 1, -1, -1):
            if last[node] >= 0:
                key = self.builder.nodes[node]
                for a in arguments(key):  # the second result of a pair needs the instruction, not the first result
                    last[a] = max(last[a], a if key[0] == SECOND else node)
        return last

    # -- numbers of one input -----------------------------------------------------------------------------------------

    def _own(self, kind: int) -> dict[int, int]:
        """Node -> position in the program of rows or cols."""
        nodes = [i for i, k in enumerate(self.builder.kinds) if k == kind and self.last_use[i] >= 0]
        return {node: position for position, node in enumerate(nodes)}

    def _program(self, kind: int) -> OwnProgram:
        place, names = self.own[kind], self.builder.nodes
        steps, last = [], list(range(len(place)))
        for node, position in place.items():
            step = self._step(names[node], place)
            steps.append(step)
            for a in arguments(names[node]):
                if a in place:
                    last[place[a]] = position
        keep = tuple(place[node] for node in self.vectors[kind])
        return OwnProgram(steps=tuple(steps), keep=keep, last_use=tuple(last))

    def _step(self, key: Key, place: dict[int, int]) -> tuple[int, tuple[object, ...]]:
        op = key[0]
        if op == Op.LOAD:
            return int(op), (key[1],)
        if op == Op.SUM:
            return int(op), tuple((c, place.get(a, -1), place.get(b, -1)) for c, a, b in key[2:])
        # a constant numerator stands as a float, every other argument as a position
        return int(op), tuple(place[a] if a in place else self.builder.nodes[a][1] for a in key[1:])

    # -- tiles --------------------------------------------------------------------------------------------------------

    def _emit(self, node: int, key: Key, outputs: dict[int, list[int]]) -> None:
        op = key[0]
        pair = op in PAIRS
        dst = self._allocate()
        dst2 = self._allocate() if pair else -1
        self.registers[node] = dst
        operands = self._sum(key[2:]) if op == Op.SUM else self._operands(key)
        self.instructions.append([int(op), dst, dst2, *operands, *[-1] * (WIDTH - 3 - len(operands))])
        for a in set(arguments(key)):
            if self.builder.kinds[a] == TILE and self.last_use[a] == node:
                self.free.append(self.registers.pop(a))
        self._results(node, dst, outputs)
        if pair:
            second = self.builder.second(node)
            self.registers[second] = dst2
            self._results(second, dst2, outputs)

    def _results(self, node: int, register: int, outputs: dict[int, list[int]]) -> None:
        """Writes a result out if it is an output, and gives the register back if nothing else reads it."""
        for number in outputs.get(node, []):
            self.instructions.append([int(Op.OUTPUT), -1, -1, number, register, *[-1] * (WIDTH - 5)])
        if node < 0 or self.last_use[node] <= node:
            self.free.append(register)
            self.registers.pop(node, None)

    def _allocate(self) -> int:
        if self.free:
            return self.free.pop()
        self.count += 1
        return self.count - 1

    def _operand(self, a: int) -> int:
        kind = self.builder.kinds[a]
        if kind == TILE:
            return self.registers[a]
        numbers = self.vectors[kind]
        return numbers.setdefault(a, len(numbers))

    def _operands(self, key: Key) -> list[int]:
        if key[0] in (Op.GRAM, Op.EXCESS):
            return [key[1]]
        if key[0] == Op.HERMITE:
            return [self._operand(key[1]), key[2]]
        return [self._operand(a) for a in key[1:]]

    def _sum(self, parts: tuple[Part, ...]) -> list[int]:
        """Writes the terms of a SUM, by sort: no vector, one tile, two tiles, anything else."""
        sorts: tuple[list[tuple[float, int, int, int]], ...] = ([], [], [], [])
        for coefficient, *factors in parts:
            row, vectors, tiles = -1, [], 0
            for a in factors:
                if a < 0:
                    continue
                operand, kind = self._operand(a), self.builder.kinds[a]
                tiles += kind == TILE
                if kind == ROW:
                    row = operand
                else:
                    vectors.append(operand if kind == TILE else -2 - operand)
            sort = 0 if not vectors else tiles if row < 0 and tiles == len(vectors) else 3
            first, second = [*vectors, -1, -1][:2]
            sorts[sort].append((coefficient, row, first, second))
        start = len(self.terms)
        for sort_terms in sorts:
            self.terms.extend((row, v, w) for _, row, v, w in sort_terms)
            self.coefficients.extend(term[0] for term in sort_terms)
        return [start, len(self.terms), *(len(sort_terms) for sort_terms in sorts[:3])]
