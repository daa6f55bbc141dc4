"""More and harder to know than the skills ask for: people nobody has heard of, and larger numbers.

The shipped model never sees it (`Recipe.harder` is 0): it is for finding out what a fuller model does when pruned.
Knows nothing of tokens, and no probe asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random

from gblm_viz.pocket import facts
from gblm_viz.pocket.tokens import chat_text

PEOPLE = 2000
"""Two names, a city, a trade, a year and a number each: about 40 kB that follow from nothing and must be stored."""
SYLLABLES = ["ba", "do", "fi", "gru", "ha", "jo", "ka", "li", "mo", "nu", "pe", "ri", "so", "tu", "va", "we", "yo",
             "zi"]
TRADES = ["baker", "potter", "nurse", "pilot", "farmer", "tailor", "painter", "teacher", "miller", "carpenter",
          "doctor", "fisher", "gardener", "singer", "smith", "clerk"]
ASKED = {
    "city": ("Where does {name} live?", "{name} lives in {city}."),
    "trade": ("What does {name} do for a living?", "{name} is a {trade}."),
    "year": ("When was {name} born?", "{name} was born in {year}."),
    "number": ("What is the telephone number of {name}?", "The number of {name} is {number}."),
}


@dataclass(frozen=True)
class Person:
    """What is to be known of one of them; the fields are the words of `ASKED`."""

    name: str
    city: str
    trade: str
    year: int
    number: int


@cache
def people() -> tuple[Person, ...]:
    """The same on every machine and for every seed of the training."""
    random = Random("people")
    cities = [capital for _, capital, _, _ in facts.COUNTRIES]

    def word(syllables: int) -> str:
        return "".join(random.choices(SYLLABLES, k=syllables)).capitalize()

    names = list(dict.fromkeys(f"{word(2)} {word(3)}" for _ in range(2 * PEOPLE)))[:PEOPLE]
    return tuple(Person(name, random.choice(cities), random.choice(TRADES), random.randint(1900, 2015),
                        random.randint(1000, 9999)) for name in names)


def _known(random: Random) -> tuple[str, str]:
    person = vars(random.choice(people()))
    question, answer = ASKED[random.choice(list(ASKED))]
    return question.format(**person), answer.format(**person)


def _worked_out(random: Random) -> tuple[str, str]:
    """Sums and differences of three digits, products of up to 20 × 20, five numbers put in order."""
    a, b = random.randint(100, 999), random.randint(100, 999)
    small, other = random.randint(2, 20), random.randint(2, 20)
    numbers = random.sample(range(100, 1000), 5)
    return random.choice((
        (f"What is {a} + {b}?", f"{a} + {b} = {a + b}."),
        (f"What is {max(a, b)} - {min(a, b)}?", f"{max(a, b)} - {min(a, b)} = {abs(a - b)}."),
        (f"What is {small} × {other}?", f"{small} × {other} = {small * other}."),
        (f"Sort these numbers: {', '.join(map(str, numbers))}.", f"{', '.join(map(str, sorted(numbers)))}."),
    ))


def chat(random: Random) -> str:
    """A conversation of two turns: one to know by heart, one to work out."""
    return chat_text((_known(random), _worked_out(random)))
