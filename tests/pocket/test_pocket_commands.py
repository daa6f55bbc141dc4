"""`python -m gblm_viz.pocket`: what each command takes, and what it does in which order. Nothing is trained here."""

from __future__ import annotations

from pathlib import Path

import pytest

from gblm_viz.pocket import __main__ as commands
from gblm_viz.pocket import places, train


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What a command does, in its order, instead of doing it."""
    done: list[tuple[object, ...]] = []
    for module, name in ((train, "run"), (commands.evaluate, "write"), (commands.known, "write"),
                         (commands.evaluate, "score"), (commands.texts, "write"), (commands.card, "write")):
        said = f"{module.__name__.rsplit('.', 1)[1]}.{name}"
        monkeypatch.setattr(module, name, lambda *given, said=said: done.append((said, *given)))
    monkeypatch.setattr(commands.torch, "set_num_threads", lambda count: None)
    return done


def test_train_makes_everything_in_order(calls: list[tuple[object, ...]], tmp_path: Path) -> None:
    commands.main(["train", "--seed", "3", "--tokens", "4096", "--threads", "2", "--device", "cpu",
                   "--model", str(tmp_path)])
    recipe = train.Recipe(tokens=4096, seed=3)
    assert calls == [("train.run", recipe, places.WORK / "seed-3", tmp_path, 2, "cpu"), ("evaluate.write", tmp_path),
                     ("known.write", tmp_path), ("texts.write", places.TEXTS), ("evaluate.score", tmp_path),
                     ("card.write", tmp_path)]


def test_train_takes_the_shipped_recipe_by_default(calls: list[tuple[object, ...]], tmp_path: Path) -> None:
    commands.main(["train", "--threads", "1", "--work", str(tmp_path)])
    assert calls[0] == ("train.run", train.Recipe(), tmp_path, places.MODEL, 1, "auto")


@pytest.mark.parametrize(("given", "expected"), [
    (["evaluate"], [("evaluate.score", places.MODEL), ("card.write", places.MODEL)]),
    (["evaluate", "--model", "there"], [("evaluate.score", Path("there")), ("card.write", Path("there"))]),
    (["card"], [("card.write", places.MODEL)]),
    (["card", "--model", "there"], [("card.write", Path("there"))]),
    (["texts"], [("texts.write", places.TEXTS)]),
])
def test_a_command_does_its_own_part_only(
    given: list[str], expected: list[tuple[object, ...]], calls: list[tuple[object, ...]]
) -> None:
    commands.main(given)
    assert calls == expected


@pytest.mark.parametrize("given", [
    [], ["nonsense"], ["train", "--seed", "one"], ["train", "--nonsense"], ["evaluate", "--seed", "1"],
    ["texts", "--tokens", "5"], ["card", "extra"]])
def test_what_the_commands_do_not_know_ends_with_two_and_does_nothing(
    given: list[str], calls: list[tuple[object, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.main(given)
    assert ended.value.code == 2
    assert "usage: python -m gblm_viz.pocket" in capsys.readouterr().err
    assert not calls


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("train", "evaluate", "card", "texts"))
