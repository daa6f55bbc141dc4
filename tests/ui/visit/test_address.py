"""A link opens on the weight and the settings it was made from, says what does not fit, and never holds the text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gblm_viz.core.mask.settings import Settings
from gblm_viz.core.score.alpha import Alpha
from gblm_viz.ui.visit import address
from gblm_viz.ui.visit.library import Visit
from gblm_viz.ui.visit.session import Selection
from gblm_viz.ui.visit.text_choice import TextChoice

SETTINGS = Settings("gradient", "l2", Alpha("number", 123456.7891), "row", 0.37, "", "dense", 5)


def test_a_link_opens_where_it_was_made(visit: Visit) -> None:
    layout = visit.model().layout
    matrix = layout.matrices[-1]
    there = replace(visit.session, selection=Selection(matrix.name, 0, 3, 5), settings=SETTINGS)
    link = address.query(there, layout)
    found, lost = address.apply_link(visit.session, layout, address.read_link("?" + link))
    assert lost == ()
    assert found.selection == there.selection and found.settings == SETTINGS
    assert f"block={matrix.block}&role={matrix.role}&row=3&col=5" in link


def test_n_of_m_and_a_matrix_without_a_pinned_weight_are_carried(visit: Visit) -> None:
    layout = visit.model().layout
    there = replace(visit.session, selection=Selection(layout.matrices[1].name),
                    settings=replace(SETTINGS, pattern="2:4"))
    found, lost = address.apply_link(visit.session, layout, address.read_link(address.query(there, layout)))
    assert (found.selection, found.settings.pattern, lost) == (there.selection, "2:4", ())


def test_the_text_is_never_in_the_address(visit: Visit) -> None:
    there = replace(visit.session, text=TextChoice("a secret canary", "canary.txt"), source="/home/canary/model")
    assert "canary" not in address.query(there, visit.model().layout)


@pytest.mark.parametrize(("link", "lost"), [
    ("block=99&role=q&row=1&col=1", ("block", "role", "row", "col")),
    ("block=0&role=q&row=99999&col=1", ("row",)),
    ("block=0&role=q&row=-1&col=1", ("row",)),
    ("sparsity=much", ("sparsity",)),
    ("sparsity=2", ("sparsity",)),
    ("alpha=much&sparsity=0.3", ("alpha",)),
    ("alpha=share:2&sparsity=0.3", ("alpha",)),
    ("method=spell&norm=l2", ("method",)),
    ("pattern=9:4&sparsity=0.3", ("pattern",)),
    ("method=wanda&group=authors", ("group",)),
    ("seed=1e9", ("seed",)),
    ("unknown=1&tab=prune&" + "x" * 500 + "=1", ()),
    ("sparsity=" + "0" * 400, ()),
])
def test_what_does_not_fit_is_named_and_the_rest_is_used(visit: Visit, link: str, lost: tuple[str, ...]) -> None:
    found, named = address.apply_link(visit.session, visit.model().layout, address.read_link(link))
    assert named == lost
    found.settings.check()
    if "norm=l2" in link:
        assert found.settings.norm == "l2"
    if "sparsity=0.3" in link:
        assert found.settings.sparsity == 0.3
    if lost and lost[0] in {"row", "block"}:
        assert found.selection.row is None


@pytest.mark.parametrize("alpha", [
    Alpha("balance"), Alpha("share", 0.1234567), Alpha("number", 0.0), Alpha("number", 1e9)])
def test_any_alpha_comes_back_as_it_was(alpha: Alpha, visit: Visit) -> None:
    layout = visit.model().layout
    there = replace(visit.session, settings=replace(SETTINGS, alpha=alpha))
    found, lost = address.apply_link(visit.session, layout, address.read_link(address.query(there, layout)))
    assert (found.settings.alpha, lost) == (alpha, ())


def test_nothing_in_the_address_changes_nothing(visit: Visit) -> None:
    found, lost = address.apply_link(visit.session, visit.model().layout, address.read_link("?"))
    assert (found.selection, found.settings, lost) == (visit.session.selection, visit.session.settings, ())


@pytest.mark.parametrize(("link", "unread"), [
    ("?" + "&".join(f"x{number}=1" for number in range(100)) + "&sparsity=0.4", 100),
    ("sparsity=0.4&x=" + "y" * 80_000, 1),
    ("sparsity=0.4&utm=1&lang=ja", 0),
    ("sparsity=0.4" + "&" * 80_000, 0)])
def test_a_link_of_any_size_is_read_and_what_was_left_out_is_counted(visit: Visit, link: str, unread: int) -> None:
    found, lost = address.apply_link(visit.session, visit.model().layout, address.read_link(link))
    assert (found.settings.sparsity, lost, address.left_out(link)) == (0.4, (), unread)


def test_a_shortened_link_keeps_what_is_known_and_says_the_rest() -> None:
    short = address.shorten_link("sparsity=0.4&hide=alpha&lang=ja&tab=prune&" + "x=1&" * 30_000)
    assert len(short) < 200
    assert address.read_link(short) == {"sparsity": "0.4", "tab": "prune"} and "hide=alpha" in short
    assert address.left_out("?" + short) == 30_000


@pytest.mark.parametrize(("link", "orders", "lost"), [
    ("text=chat_ja.txt&apply=1", address.Orders("chat_ja.txt", True), ()),
    ("apply=1", address.Orders(apply=True), ()),
    ("sparsity=0.4", address.Orders(), ()),
    ("text=held_out_en.txt", address.Orders(), ("text",)),
    ("text=../../etc/passwd&apply=1", address.Orders(), ("text",)),
    ("text=chat_ja.txt&apply=yes", address.Orders(), ("apply",))])
def test_a_link_may_ask_for_an_offered_text_and_an_apply_and_nothing_else(
        link: str, orders: address.Orders, lost: tuple[str, ...]) -> None:
    found = address.read_orders(address.read_link(link), ["chat_ja.txt", "chat_en.txt"])
    assert found == (orders, lost)
    assert address.read_orders(address.read_link(orders.query()), ["chat_ja.txt"]) == (orders, ())
