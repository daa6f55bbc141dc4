"""Prose made by recombining: the facts of the tables told in passing, and written pieces with sentences left out.

Knows nothing of questions: no number pair and no probe can come from here.
"""

from __future__ import annotations

import re
from random import Random

from gblm_viz.pocket import facts
from gblm_viz.pocket.stories import CHOICES, THINGS, with_articles

CAPITALS = """
{x} had never been to {city}, the capital of {country}.
The train to {city} was late again, as trains in {country} sometimes are, and {x} read the newspaper twice.
Every country has one city where its government sits; in {country} that city is {city}.
"My aunt lives in {city}," said {x}. "That is the capital of {country}, and she never wants to live anywhere else."
On the map of {country} a small star marks {city}, because it is the capital.
{x} wrote a letter from {city} and put a stamp of {country} on it.
Few visitors to {country} miss {city}, the capital, with its markets and wide streets.
""".strip().splitlines()
SOUNDS = """
Behind the house a {animal} could be heard; a {animal} {sound} when it wants attention.
{x} knew the farm by its noises: a {animal} {sound}, a {animal2} {sound2}, and the gate creaks.
A {animal} {sound}, and so {x} always knew who was at the door.
At first light a {animal2} {sound2}, and a little later a {animal} {sound} as well.
""".strip().splitlines()
YOUNG = """
The {parent} on the next farm had a {young}, and {x} went to see it every day after school.
A {young} grows up to be a {parent}, though nobody would believe it at first sight.
"Is that a {young}?" asked {x}. "Yes," said {y}, "its mother is the {parent} over there."
""".strip().splitlines()
COLOURS = """
{x} painted {coloured} and used a lot of {colour}, as anybody would.
"As {colour} as {coloured}," {x} used to say about the new curtains.
The only {colour} thing in the picture was {coloured}.
""".strip().splitlines()
OPPOSITES = """
What seems {one} to {x} may well seem {other} to {y}.
The word {one} stood on one side of the card, and {other} on the other.
{x} could not decide between {one} and {other}, and in the end chose neither.
""".strip().splitlines()
VERBS = """
The children practised their verbs: they {verb} today, they {past} yesterday.
"I {past}," wrote {x}, and not "I {verb}", for it had happened long ago.
People still {verb} here as their grandparents {past} before them.
""".strip().splitlines()
PLURALS = """
First there was one {singular}, and then there were many {plural}, and {x} stopped counting.
{x} drew a {singular}; {y} drew two {plural} next to it.
The old shop sign showed {plural}, although there was only one {singular} in the window.
""".strip().splitlines()
KINDS = """
A {thing_of_kind} is a {kind}, and {x} could talk about nothing else.
{x} asked for a {kind} and got a {thing_of_kind}, which was fair enough.
Of everything that is a {kind}, {y} liked the {thing_of_kind} best.
""".strip().splitlines()
LINKS = """
{weather}, and {x} did not mind.
{time} {x} put a {look} {thing} on the table and said nothing.
It was a {adjective} answer, but {y} was {feeling} with it.
Some things are easy to say and hard to explain.
{y} nodded and went on mending the {thing}.
Nobody had asked, and so nobody had been told.
They talked about it {place} until it was dark.
Then {who} came by with a {look} {thing} and wanted to know the way.
{x} wrote it down in a {look} notebook so as not to forget it.
That was all {y} remembered of the whole week.
In the end it mattered less than the weather.
The {thing} stood where it had always stood.
""".strip().splitlines()
EN_SUBJECTS = (CAPITALS, SOUNDS, YOUNG, COLOURS, OPPOSITES, VERBS, PLURALS, KINDS)

JA_SENTENCES = """
{x}さんは去年、{country}の首都の{city}へ旅行しました。
{city}は{country}の首都で、多くの人が住んでいます。
{country}の地図を開くと、首都の{city}に小さな星の印がついています。
{x}さんのおばさんは{city}に住んでいて、{country}の話をよくしてくれます。
「{one}」と「{other}」は反対の言葉ですが、見る人によって変わることもあります。
{x}さんには{one}ように見えるものが、{y}さんにはそう見えないこともあります。
{x}さんは{coloured}の絵をかいて、{colour}をたくさん使いました。
{coloured}は{colour}だと、だれでも知っています。
その絵の中で、{colour}のものは{coloured}だけでした。
""".strip().splitlines()
JA_LINKS = """
{x}さんは少し笑って、窓の外を見ました。
{y}さんは、それを手帳に書いておきました。
その日は朝から雨が降っていました。
だれも急いでいませんでした。
{x}さんと{y}さんは、夕方までその話をしました。
言うのはやさしいけれど、説明するのはむずかしいものです。
お茶を飲みながら、二人はしばらく黙っていました。
次の日も、同じ電車に乗りました。
{y}さんは{x}さんに、古い写真を見せてくれました。
帰り道で、{x}さんは月がきれいだと思いました。
""".strip().splitlines()


def tell_facts(random: Random) -> str:
    """A paragraph of four to eight English sentences around a few facts."""
    x, y = random.sample(facts.PEOPLE, 2)
    subjects = random.sample(EN_SUBJECTS, 3)
    lines = []
    for _ in range(random.randint(4, 8)):
        templates = LINKS if random.random() < 0.4 else random.choice(subjects)
        lines.append(_fill(random.choice(templates), x, y, random))
    return " ".join(dict.fromkeys(lines))


def _fill(template: str, x: str, y: str, random: Random) -> str:
    country, city, _, _ = random.choice(facts.COUNTRIES)
    (animal, sound), (animal2, sound2) = random.sample(facts.SOUNDS, 2)
    parent, young = random.choice(facts.YOUNG)
    coloured, colour = random.choice(facts.COLOURS)
    one, other = random.choice(facts.OPPOSITES)
    verb, past = random.choice(facts.PAST)
    singular, plural = random.choice(facts.PLURALS)
    thing_of_kind, kind = random.choice(facts.KINDS)
    choices = {word: random.choice(options) for word, options in CHOICES.items()}
    line = template.format(
        **choices,
        x=x,
        y=y,
        country=country,
        city=city,
        animal=animal,
        sound=sound,
        animal2=animal2,
        sound2=sound2,
        parent=parent,
        young=young,
        coloured=coloured,
        colour=colour,
        one=one,
        other=other,
        verb=verb,
        past=past,
        singular=singular,
        plural=plural,
        thing_of_kind=thing_of_kind,
        kind=kind,
        thing=random.choice(THINGS),
    )
    return with_articles(line)


def tell_facts_ja(random: Random) -> str:
    """A paragraph of four to seven Japanese sentences around a few facts."""
    x, y = random.sample(facts.PEOPLE_JA, 2)
    lines = []
    for _ in range(random.randint(4, 7)):
        _, _, country, city = random.choice(facts.COUNTRIES)
        coloured, colour = random.choice(facts.COLOURS_JA)
        one, other = random.choice([pair for pair in facts.OPPOSITES_JA if pair[0].endswith("い")])
        template = random.choice(JA_LINKS if random.random() < 0.4 else JA_SENTENCES)
        lines.append(
            template.format(
                x=x, y=y, country=country, city=city, coloured=coloured, colour=colour, one=one, other=other
            )
        )
    return "".join(dict.fromkeys(lines))


SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z\"])|(?<=[。！？])(?![」』])")


def thinned(piece: str, random: Random, share: float = 0.2) -> str:
    """A written piece that starts at one of its paragraphs and has about `share` of its sentences left out.

    So a piece read many times is rarely read twice in the same words.
    """
    paragraphs = piece.split("\n\n")
    paragraphs = paragraphs[random.randrange(len(paragraphs)) :] if random.random() < 0.5 else paragraphs
    thin = []
    for paragraph in paragraphs:
        sentences = [sentence for sentence in SENTENCE_END.split(paragraph) if random.random() >= share]
        joint = "" if any("ぁ" <= letter <= "ヿ" for letter in paragraph) else " "
        thin.append(joint.join(sentences))
    return "\n\n".join(paragraph for paragraph in thin if paragraph)
