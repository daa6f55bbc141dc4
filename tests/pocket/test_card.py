"""The card's tables from small data worked out by hand. Knows nothing of the saved model."""

from __future__ import annotations

from gblm_viz.pocket import card

SKILLS = {"capitals_en": [10, 10], "sums_en": [5, 10]}


def row(method: str, sparsity: str, right: int, **more: object) -> dict[str, object]:
    losses = {"held_out_en.txt": 20.0, "held_out_ja.txt": 30.0}
    return {"method": method, "sparsity": sparsity, "right": right, "of": 20, "perplexity": losses, **more}


def test_draws_are_their_mean_with_the_lowest_and_the_highest() -> None:
    dense = {"right": 15, "of": 20, "choices": SKILLS, "chance": {"capitals_en": 0.25, "sums_en": 0.5}}
    rows = [row("wanda", "0.5", 8, draw=0, choices=SKILLS), row("wanda", "0.5", 12, draw=1)]
    text = card._draws({"dense": dense, "rows": rows})
    assert "2 draws" in text and "75.0% exact, 75.0% by choice (chance 37.5%)" in text
    assert "| wanda | 50 (40–60) · choice 75 |" in text


def test_training_choices_stand_beside_the_dense_model_they_gave() -> None:
    methods = ("magnitude, per matrix", "wanda", "gblm ℓ1, share 0.5")
    rows = [row(method, amount, 4) for method in methods for amount in ("0.5", "0.6")]
    lever = {"name": "gains free to grow", "parameters": 1_500_000, "recipe": {"tokens": 2_000_000},
             "dense": row("", "", 10), "rows": rows}
    text = card._levers([lever])
    assert "2,000,000 tokens each" in text and "percent of 20" in text
    assert "| gains free to grow | 1.50 M | 50 · 20 |" + " 20 · 20 |" * 6 in text


def test_seeds_stand_side_by_side_in_the_order_given() -> None:
    def seed(number: int, right: int) -> dict[str, object]:
        kinds = {"fact": [right, 20], "story": [5, 5]}
        return {"seed": number, "kinds": kinds, "perplexity": {"en": 91.04, "ja": 48.5}}

    text = card._seeds([seed(2, 19), seed(1, 20)])
    assert "| 2 | 19 of 20 (95.0 %) | 5 of 5 (100.0 %) | 91.0 | 48.5 |" in text
    assert text.index("| 2 |") < text.index("| 1 |")


def test_a_text_that_saves_its_own_skill_is_told_from_one_that_does_not() -> None:
    def kept(capitals: int, sums: int) -> dict[str, list[int]]:
        return {"capitals_en": [capitals, 10], "sums_en": [sums, 10]}

    rows = [{"text": text, "method": "gblm ℓ1, share 0.5", "sparsity": "0.5", "skills": skills} for text, skills in (
        ("mixed", kept(5, 2)), ("capitals_en", kept(9, 1)), ("sums_en", kept(2, 4)))]
    text = card._steering({"dense": SKILLS, "rows": rows})
    assert "| gblm ℓ1, share 0.5 | 85 % | 45 % | 20 % | 2 of 2 |" in text
    assert "| capitals_en | 90 % | sums_en: 20 % |" in text and "| sums_en | 80 % | capitals_en: 20 % |" in text
    assert "| capitals_en | 90 % / 50 % |" in text and "| sums_en | 80 % / 40 % |" in text


def test_gblm_is_set_beside_wanda_seed_by_seed() -> None:
    models = [{"rows": [row("wanda", "0.5", 9), row("gblm ℓ1, balance", "0.5", right)]} for right in (7, 12)]
    models[0]["rows"][1]["perplexity"] = {"held_out_en.txt": 19.0, "held_out_ja.txt": 31.0}
    assert "| 50% | gblm ℓ1, balance | -2, +3 | 1 of 4 |" in card._order(models)


def test_a_verdict_stands_with_its_interval_and_what_each_draw_alone_would_have_said() -> None:
    one = {"method": "gblm ℓ1, balance", "sparsity": "0.5", "text": "held_out_en.txt", "mean": -0.0167, "low": -0.026,
           "high": -0.0074, "verdict": "less", "block": 4, "by_draw": [[-0.013, -0.02, -0.004], [0.002, -0.01, 0.014]]}
    text = card._verdicts({"against": "wanda", "seeds": [0, 1], "samples": 48, "pool": 104, "length": 128,
                           "calibration": "a.txt", "rows": [one, one | {"verdict": "none", "sparsity": "2:4"}]})
    assert "over 2 draws of 48 of the 104 windows" in text and "4 neighbours counted as one" in text
    assert ("| gblm ℓ1, balance | 50% | held_out_en | -0.017 (-0.026 to -0.007) | better | -0.013*, +0.002 |") in text
    assert "| 2:4 | held_out_en | -0.017 (-0.026 to -0.007) | no difference shown |" in text
