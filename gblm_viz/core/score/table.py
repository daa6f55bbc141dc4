"""The table of methods, shared by README, form and card. python -m gblm_viz.core.score.table prints it."""

from __future__ import annotations

from dataclasses import dataclass

from .methods import METHODS, Method


@dataclass(frozen=True)
class MethodRow:
    """One line of the table of methods, which README, form and card share."""

    name: str
    formula: str
    needs: str
    knobs: str
    source: str


def method_rows() -> tuple[MethodRow, ...]:
    """Return one row for each method, in the order of METHODS."""
    return tuple(MethodRow(name, kind.formula, ", ".join(sorted(kind.needs)) or "–", _knobs_text(kind), kind.source)
                 for name, kind in METHODS.items())


def _knobs_text(kind: type[Method]) -> str:
    """Return the knobs as text, such as `norm: l1, l2; alpha`; choices and numbers with their allowed values."""
    told = [f"{name}: {knob.wanted}" if knob.kind in {"choice", "number"} else name
            for name, knob in kind.knobs().items()]
    return "; ".join(told) or "–"


def methods_table() -> str:
    """Return the table of methods as Markdown, as in the README."""
    lines = ["| method | score | needs | knobs | source |", "|---|---|---|---|---|"]
    lines += [f"| {row.name} | `{row.formula.replace('|', chr(92) + '|')}` | {row.needs} | {row.knobs} | {row.source} |"
              for row in method_rows()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(methods_table())
