"""A cross-check in a terminal or a notebook."""

from __future__ import annotations

import io
import math

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tpproof.numerics.crosscheck.quantities import Kind
from tpproof.numerics.crosscheck.verdict.exponents import Slope
from tpproof.numerics.crosscheck.verdict.report import TITLES, CrossCheck
from tpproof.numerics.crosscheck.verdict.statistics import Final, Row, Verdict

MOST_FINALS = 12
MOST_KERNEL = 6
"""Lines, unless all are asked for."""
EXACT_BELOW = 1e-7
"""What is seen to this precision did not fluctuate."""
HUGE = 10.0
"""Of an error above this it does not matter how large it is."""
_STYLES = {Verdict.AGREES: "bold green", Verdict.DISAGREES: "bold red", Verdict.BLIND: "bold yellow"}


def table(check: CrossCheck, full: bool) -> RenderableType:
    """See `CrossCheck.table`."""
    parts: list[RenderableType] = [_verdict(check), _by_kind(check)]
    if any(f.quantity.kind is Kind.KERNEL for f in check.finals):
        parts.append(_by_width(check, full))
    parts.append(_finals(check, full))
    parts += [Text(f"note: {plain(note)}", style="yellow") for note in check.notes]
    return Group(*parts)


def text(check: CrossCheck, full: bool, width: int) -> str:
    """See `CrossCheck.to_text`."""
    stream = io.StringIO()
    Console(file=stream, width=width, no_color=True, force_terminal=False).print(table(check, full))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def summary(check: CrossCheck) -> str:
    """See `CrossCheck.summary`."""
    count = len(check.finals)
    said = f"{check.verdict.value}: {count} quantities"
    if check.earliest:
        said = f"{check.verdict.value}: {len(check.disagreeing)} of {count} quantities, "
        said += f"first {plain(check.earliest.quantity.name)}"
    elif check.verdict is Verdict.BLIND:
        said += "; nothing is claimed, the tests had no power"
    elif check.detectable is not None:
        said += f"; {an_error(check.detectable)} in the kernel would have been seen"
    widths = str(check.widths[0]) if len(check.widths) == 1 else f"{check.widths[0]} to {check.widths[-1]}"
    cut = "interrupted: " if check.partial else ""
    return f"{said} ({cut}{sum(check.samples)} networks, n = {widths}, seed {check.seed})"


def html(check: CrossCheck) -> str:
    """`table` as HTML with its colours, everything escaped."""
    console = Console(file=io.StringIO(), width=120, record=True, force_terminal=True)
    console.print(table(check, False))
    return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


def plain(given: str) -> str:
    """What a terminal can show without being steered."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in given)


def percent(x: float | None) -> str:
    """Of a relative error: "1.3 %"."""
    if x is None:
        return "–"
    if x < EXACT_BELOW:
        return "exact"
    if x > HUGE:
        return f"> {100 * HUGE:.0f} %"
    return f"{100 * x:.2g} %" if x < 1 else f"{100 * x:.0f} %"


def an_error(x: float) -> str:
    """Of a relative size that was seen: "an error of 1.3 %"."""
    return "any error" if x < EXACT_BELOW else f"an error of {percent(x)}"


def with_error(value: float, se: float | None) -> str:
    """In physics' way: 1.2345(12) is 1.2345 ± 0.0012."""
    if se is None or se <= 0 or not math.isfinite(value) or not math.isfinite(se):
        return f"{value:.6g}"
    digits = 1 - math.floor(math.log10(float(f"{se:.1e}")))
    if not 0 < digits <= 9:
        return f"{value:.6g} ± {se:.2g}"
    return f"{value:.{digits}f}({round(se * 10**digits)})"


def _verdict(check: CrossCheck) -> Text:
    count = len(check.finals)
    line = Text(check.verdict.value, style=_STYLES[check.verdict])
    line.append(f": {plain(check.name)}, {count} quantities", style="default")
    if check.earliest:
        line.append(f", {len(check.disagreeing)} of them disagree, first ", style="default")
        line.append(plain(check.earliest.quantity.name), style="bold")
    elif check.verdict is Verdict.BLIND:
        line.append("; nothing is claimed: these tests had no power, take larger widths or more samples", style="")
    elif any(f.blind for f in check.finals):
        line.append(f"; {sum(f.blind for f in check.finals)} of them had no power", style="yellow")
    line.append(f"\nfalse alarm at most {check.alpha:g} for the whole report", style="dim")
    if check.detectable is not None:
        kernel = any(f.quantity.kind is Kind.KERNEL for f in check.finals)
        what = "the kernel" if kernel else "any quantity"
        seen = f"; {an_error(check.detectable)} in {what} would have been detected (probability 0.9)"
        line.append(f"{seen}{_elsewhere(check)}", style="dim")
    networks = ", ".join(f"{m} × n = {n}" for n, m in zip(check.widths, check.samples, strict=True)) + _followed(check)
    line.append(f"\n{networks}; {check.sampler} sampler, {check.backend}, seed {check.seed}", style="dim")
    return line.append(f", {check.seconds:.1f} s\n" if check.seconds else "\n", style="dim")


def _followed(check: CrossCheck) -> str:
    """How many of a width were trained, where that is not all of them."""
    found = {row.width: row.samples for row in check.rows if row.quantity.kind is Kind.TRAJECTORY}
    fewer = any(found.get(n, m) < m for n, m in zip(check.widths, check.samples, strict=True))
    return f" ({max(found.values())} of each trained)" if fewer else ""


def _elsewhere(check: CrossCheck) -> str:
    """What would have been detected in the quantities that see least."""
    found = check.detectable_by_kind
    others = [seen for kind, seen in found.items() if kind is not Kind.KERNEL]
    seen = [s for s in others if s is not None]
    return f", of {percent(max(seen))} in any other quantity" if seen == others != [] and Kind.KERNEL in found else ""


def _table(title: str, *columns: str) -> Table:
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for i, column in enumerate(columns):
        made.add_column(column, justify="left" if i == 0 else "right", no_wrap=i > 0, overflow="fold")
    return made


def _by_kind(check: CrossCheck) -> Table:
    made = _table("By kind", "", "tested", "disagree", "no power", "max |z|", "sees, all", "half", "slope (−1/2)")
    for k in check.kinds():
        z = "–" if k.worst is None or k.worst.z is None else f"{abs(k.worst.z):.1f}"
        made.add_row(
            Text(TITLES[k.kind]),
            str(k.quantities - k.untested),
            Text(str(k.disagreeing), style="bold red" if k.disagreeing else "dim"),
            Text(str(k.blind), style="yellow" if k.blind else "dim"),
            z,
            percent(k.detectable),
            percent(k.median),
            _slope(k.slope),
        )
    return made


def _slope(slope: Slope | None) -> str:
    return "–" if slope is None else with_error(slope.slope, slope.se).replace("-", "−")


def _by_width(check: CrossCheck, full: bool) -> Table:
    """The kernel on its way to the limit."""
    made = _table("\nThe kernel", "", *(f"n = {n}" for n in check.widths), "n → ∞", "limit")
    rows: dict[str, list[Row]] = {}
    for row in check.rows:
        if row.quantity.kind is Kind.KERNEL:
            rows.setdefault(row.quantity.name, []).append(row)
    finals = [f for f in check.finals if f.quantity.kind is Kind.KERNEL]
    for f in finals if full else finals[:MOST_KERNEL]:
        cells = [with_error(r.measured, r.se) for r in rows[f.quantity.name]]
        made.add_row(Text(plain(f.quantity.name)), *cells, with_error(f.estimate, f.se), f"{f.limit:.6g}")
    return made


def _finals(check: CrossCheck, full: bool) -> Table:
    ranked = sorted(check.finals, key=lambda f: (f.agrees, -abs(f.z or 0.0)))
    shown = ranked if full else ranked[: max(MOST_FINALS, 2 * MOST_FINALS if check.disagreeing else 0)]
    title = "\nAll tests, largest |z| first" if full else f"\nLargest |z|, {len(shown)} of {len(ranked)}"
    made = _table(title, "quantity", "Eq.", "n → ∞", "limit", "z", "sees", "")
    for f in shown:
        made.add_row(
            Text(plain(f.quantity.name)),
            Text(f.quantity.equation),
            with_error(f.estimate, f.se),
            f"{f.limit:.6g}",
            "–" if f.z is None else f"{f.z:+.1f}".replace("-", "−"),
            percent(f.relative) if f.relative is not None or f.detectable is None else f"{f.detectable:.2g}",
            _word(f),
        )
    return made


def _word(final: Final) -> Text:
    if not final.agrees:
        return Text("disagrees", style="bold red")
    if final.z is None:
        return Text("not tested", style="yellow")
    return Text("no power", style="yellow") if final.blind else Text("agrees", style="green")
