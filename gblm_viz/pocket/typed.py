"""A question as people type it: without capital letters, with other punctuation, other digits, a slip of one letter.

Knows nothing of what is asked. What has to come back unchanged in the answer is passed as `kept` and never altered.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random

from gblm_viz.core.talk.known import NUMBERS as NUMBERS_EN

LOWER, FIRST_LOWER, UPPER = 0.4, 0.1, 0.01
"""How often all letters, or only the first one, are small, and how often all are capitals."""
NO_END, OTHER_END = 0.45, 0.12
"""How often the mark at the end is missing, or is another one."""
SLIP, ABBREVIATED, POLITE, WORDS_FOR_DIGITS = 0.12, 0.2, 0.06, 0.15
NEAR_KEYS = {key: row[max(0, place - 1):place] + row[place + 1:place + 2]
             for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm") for place, key in enumerate(row)}
ABBREVIATIONS: Mapping[str, Sequence[str]] = {
    "What is": ("What's", "Whats", "what s"), "what is": ("what's", "whats"), "Who is": ("Who's", "whos"),
    "you are": ("you're", "u are"), "I am": ("I'm", "im"), "do not": ("don't", "dont"), "please": ("pls", "plz"),
    "Please": ("Pls", "plz"), "are you": ("are u", "r u"), "can you": ("can u",), "Can you": ("can u",),
    "and": ("&",), "colour": ("color",), "Tell me": ("Give me", "Say"), "thank you": ("thanks", "thx")}
POLITE_WORDS = {"en": (("please ", ""), ("", " please"), ("", ", please"), ("hey ", ""), ("ok, ", ""), ("so ", "")),
                "ja": (("あの、", ""), ("えっと、", ""), ("", "お願いします"), ("ねえ、", ""), ("すみません、", ""))}
ENDS = {"en": ("??", "!", "...", " ?", ".", "?!"), "ja": ("？", "?", "！", "。", "…", "？？", "w", "笑")}
NUMBERS = {"en": list(NUMBERS_EN),
           "ja": ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二", "十三", "十四",
                  "十五", "十六", "十七", "十八", "十九", "二十"]}
WIDE = str.maketrans("0123456789+-?!", "０１２３４５６７８９＋－？！")
KANA = re.compile("[ぁ-んァ-ヶ]")


def type_question(text: str, language: str, random: Random, kept: Sequence[str] = (),
                  readings: Mapping[str, str] | None = None) -> str:
    """Return the question as somebody may type it; about every fourth comes back as it is.

    kept: parts of the text that stay as they are; readings: written word → kana, for Japanese.
    """
    if random.random() < 0.25:
        return text
    change = _type_ja if language == "ja" else _type_en
    before, after = random.choice(POLITE_WORDS[language]) if random.random() < POLITE else ("", "")
    body, end = _split_end(text)
    body = _outside(before + body + after, kept, lambda part: change(part, random, readings or {}))
    return body + _choose_end(end, language, random)


def _split_end(text: str) -> tuple[str, str]:
    found = re.search(r"\s*[.?!。？！]+$", text)
    return (text[:found.start()], text[found.start():]) if found else (text, "")


def _choose_end(end: str, language: str, random: Random) -> str:
    drawn = random.random()
    if drawn < NO_END:
        return ""
    return random.choice(ENDS[language]) if drawn < NO_END + OTHER_END else end


def _outside(text: str, kept: Sequence[str], change: Callable[[str], str]) -> str:
    """Change what lies between the kept parts."""
    if not kept:
        return change(text)
    parts = re.split("(" + "|".join(map(re.escape, sorted(kept, key=len, reverse=True))) + ")", text)
    return "".join(part if part in kept else change(part) for part in parts)


def _type_en(text: str, random: Random, _readings: Mapping[str, str]) -> str:
    if random.random() < WORDS_FOR_DIGITS:
        text = _spell_numbers(text, "en")
    for written, short in ABBREVIATIONS.items():
        if written in text and random.random() < ABBREVIATED:
            text = re.sub(rf"\b{written}\b", random.choice(short), text, count=1)
    drawn = random.random()
    if drawn < LOWER:
        text = text.lower()
    elif drawn < LOWER + FIRST_LOWER:
        text = text[:1].lower() + text[1:]
    elif drawn < LOWER + FIRST_LOWER + UPPER:
        text = text.upper()
    if random.random() < 0.1:
        text = text.replace(",", "")
    return _slip(text, random) if random.random() < SLIP else text


def _slip(text: str, random: Random) -> str:
    """One letter of a word of four or more is missing, doubled, swapped with the next, or its neighbour's key."""
    words = list(re.finditer(r"[A-Za-z]{4,}", text))
    if not words:
        return text
    word = random.choice(words)
    place = random.randrange(word.start() + 1, word.end() - 1)
    letter, following = text[place], text[place + 1]
    new = random.choice(("", letter * 2, None, random.choice(NEAR_KEYS.get(letter.lower(), letter))))
    if new is None:
        return text[:place] + following + letter + text[place + 2:]
    return text[:place] + new + text[place + 1:]


def _type_ja(text: str, random: Random, readings: Mapping[str, str]) -> str:
    if random.random() < WORDS_FOR_DIGITS:
        text = _spell_numbers(text, "ja")
    elif random.random() < 0.25:
        text = text.translate(WIDE)
    if random.random() < 0.2:
        for written, kana in readings.items():
            if written in text and random.random() < 0.7:
                text = text.replace(written, kana)
    drawn = random.random()
    if drawn < 0.06:
        text = text.replace("、", random.choice(("", " ", "　", "，")))
    elif drawn < 0.1:
        text = re.sub("[「」]", "", text)
    elif drawn < 0.12:
        text = "".join(_half_width().get(letter, letter) for letter in text)
    return _slip_ja(text, random) if random.random() < SLIP / 2 else text


def _slip_ja(text: str, random: Random) -> str:
    """One kana is missing, doubled, or swapped with the next."""
    places = [found.start() for found in KANA.finditer(text)][1:-1]
    if not places:
        return text
    place = random.choice(places)
    return random.choice((text[:place] + text[place + 1:], text[:place] + text[place] + text[place:],
                          text[:place] + text[place + 1:place + 2] + text[place] + text[place + 2:]))


def _spell_numbers(text: str, language: str) -> str:
    words = NUMBERS[language]
    return re.sub(r"\d+", lambda found: words[int(found[0])] if int(found[0]) < len(words) else found[0], text)


@cache
def _half_width() -> dict[str, str]:
    """Katakana → its half-width form, with a mark of its own for voiced ones."""
    plain = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFF9E)}
    marks = {"\u3099": "\uff9e", "\u309a": "\uff9f"}
    found = dict(plain)
    for code in range(0x30A1, 0x30FB):
        parts = unicodedata.normalize("NFD", chr(code))
        if len(parts) == 2 and parts[0] in plain and parts[1] in marks:
            found[chr(code)] = plain[parts[0]] + marks[parts[1]]
    return found
