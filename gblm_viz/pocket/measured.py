"""The JSON files beside the pocket model, with the fields that its card reads: what training and measuring wrote.

Opens no file and measures nothing.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

Counts = tuple[int, int]
"""How many were right, and of how many; a list of two in the file."""


class Point(TypedDict):
    """One point of the training curve."""

    step: float
    loss: float
    perplexity_en: float
    perplexity_ja: float


class RecipeRead(TypedDict):
    """The fields of train.Recipe that the card names."""

    tokens: int
    batch: int
    first_window: int
    window: int
    seed: int
    hidden: int
    blocks: int
    heads: int
    key_value_heads: int
    intermediate: int
    rate: float
    weight_decay: float
    uneven: float


class Trained(TypedDict):
    """training.json: one training run."""

    recipe: RecipeRead
    steps: int
    tokens: int
    seconds: float
    threads: int
    parameters: int
    corpus_hash: str
    mixture: dict[str, float]
    written_pieces: dict[str, int]
    written_bytes: dict[str, int]
    messages: dict[str, int]
    curve: list[Point]


class Config(TypedDict):
    """config.json, which transformers writes."""

    vocab_size: int
    max_position_embeddings: int


class Interval(TypedDict):
    """The ends of a 95 % interval."""

    low: float
    high: float


class Share(Interval):
    """How many of how many, as a share."""

    right: int
    n: int
    share: float


class Choice(Share):
    """Multiple choice: the share, and what guessing would reach."""

    chance: float


class Skill(Share):
    """One skill's probes. `rules`, of a story: rule → how many stories break it."""

    kind: str
    title_en: str
    language: str
    answer_perplexity: NotRequired[float]
    choice: NotRequired[Choice]
    rules: NotRequired[dict[str, int]]


class Entropy(TypedDict):
    """How hard one kind of text is."""

    perplexity: float
    bits_per_byte: float
    windows: int


class Scores(TypedDict):
    """scores.json: probes and prose of the saved model."""

    dtype: str
    length: int
    skills: dict[str, Skill]
    kinds: dict[str, Share]
    entropy: dict[str, Entropy]


class Seed(TypedDict):
    """An entry of seeds.json: one training seed. perplexity: language → value."""

    seed: int
    kinds: dict[str, Counts]
    perplexity: dict[str, float]


class Scored(TypedDict):
    """One model's probes and held-out texts. perplexity: file → value."""

    perplexity: dict[str, float]
    right: int
    of: int


class Pruned(Scored):
    """The same of a pruned model."""

    method: str
    sparsity: str


class Methods(TypedDict):
    """methods.json: several seeds, each pruned by every method."""

    models: list[PrunedSeed]


class PrunedSeed(TypedDict):
    """One seed of methods.json."""

    calibration: str
    samples: int
    length: int
    dense: Scored
    rows: list[Pruned]


class Drawn(TypedDict):
    """One draw of the calibration windows in draws.json. choices: skill → multiple choice, on the first draw."""

    method: str
    sparsity: str
    draw: int
    right: int
    of: int
    choices: NotRequired[dict[str, Counts]]


class DenseDrawn(TypedDict):
    """The dense model in draws.json. chance: skill → what guessing would reach."""

    right: int
    of: int
    choices: dict[str, Counts]
    chance: dict[str, float]


class Draws(TypedDict):
    """draws.json: the shipped seed, pruned by every draw."""

    dense: DenseDrawn
    rows: list[Drawn]


class Verdict(Interval):
    """One method's difference of losses. by_draw: (mean, low, high) of each draw alone."""

    method: str
    sparsity: str
    text: str
    mean: float
    verdict: str
    block: int
    by_draw: list[tuple[float, float, float]]


class Verdicts(TypedDict):
    """verdicts.json: every method compared with `against`."""

    against: str
    seeds: list[int]
    samples: int
    pool: int
    length: int
    calibration: str
    rows: list[Verdict]


class Steered(TypedDict):
    """A model calibrated on one skill's chats, or on `mixed` ones. skills: skill → right, of."""

    method: str
    sparsity: str
    text: str
    skills: dict[str, Counts]


class Steering(TypedDict):
    """steering.json: every calibration text, and the skills that survive it."""

    dense: dict[str, Counts]
    rows: list[Steered]


class Lever(TypedDict):
    """An entry of levers.json: a model trained with one choice changed."""

    name: str
    recipe: RecipeRead
    parameters: int
    dense: Scored
    rows: list[Pruned]
