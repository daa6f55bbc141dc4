"""The table of methods: README, form and card read the same. python -m gblm_viz.core.score.table prints it."""

from __future__ import annotations

from dataclasses import dataclass

from .methods import METHODS, Method


@dataclass(frozen=True)
class MethodRow:
    """One line of the table of methods: README, form and card read the same."""

    name: str
    formula: str
    needs: str
    knobs: str
    source: str


def method_rows() -> tuple[MethodRow, ...]:
    return tuple(MethodRow(name, kind.formula, ", ".join(sorted(kind.needs)) or "–", _knobs_told(kind), kind.source)
                 for name, kind in METHODS.items())


def _knobs_told(kind: type[Method]) -> str:
    """`norm: l1, l2; alpha`; what a number may be where it is not any."""
    told = [f"{name}: {knob.wanted}" if knob.kind in {"choice", "number"} else name
            for name, knob in kind.knobs().items()]
    return "; ".join(told) or "–"


def methods_table() -> str:
    """The table of methods as Markdown: what the README prints."""
    lines = ["| method | score | needs | knobs | source |", "|---|---|---|---|---|"]
    lines += [f"| {row.name} | `{row.formula.replace('|', chr(92) + '|')}` | {row.needs} | {row.knobs} | {row.source} |"
              for row in method_rows()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(methods_table())
