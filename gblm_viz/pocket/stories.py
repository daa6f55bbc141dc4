"""Short stories about two given words, an animal and a thing: many plots, every sentence in several wordings.

Also the checker that says whether a story hangs together. Knows nothing of chats and probes; whoever asks brings the
random numbers.
"""

# ruff: noqa: E501, SIM905 (the tables below are data; a word list is easier to read and to extend as words)

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

from gblm_viz.pocket.facts import PEOPLE

ANIMALS = """fox cat dog mouse bear rabbit frog owl duck goat horse hen crow hedgehog squirrel donkey turtle badger sparrow otter snail
lamb goose beetle""".split()
THINGS = """key boat lamp book ball hat box drum apple bell stone ladder kite basket ring map cake coin rope chair button spoon umbrella
candle wheel blanket bottle feather letter mirror pillow teapot clock scarf bucket violin""".split()
LOOKS = "red blue round golden wooden shiny heavy tiny strange beautiful dusty yellow green silver".split()

CHOICES = {
    "adjective": "small,old,young,quiet,clever,tired,hungry,kind,shy,brave,curious,lonely,grey,brown,merry,careful".split(","),
    "look": LOOKS,
    "place": "in the forest|near the river|by the sea|at the edge of the village|behind the old mill|under the bridge|on a green hill"
             "|in a quiet valley|beside the lake|at the end of the lane|in the garden|near the railway".split("|"),
    "spot": "under a bush|in the long grass|beside the path|behind a wall|at the foot of a tree|on the stairs|between two rocks"
            "|in an empty barn|on the beach|next to the well|in the snow|beneath the window".split("|"),
    "time": "One morning|One evening|One day|Early one spring|On a cold night|One windy afternoon|Last winter|One rainy day"
            "|On the first day of summer|Late one autumn|Just before dawn|After the storm".split("|"),
    "weather": "It was raining|The sun was shining|The wind was strong|The snow lay deep|The sky was full of stars|It was very warm"
               "|The fog was thick|The moon was bright|Nobody else was awake|The air smelled of hay".split("|"),
    "who": "an old woman,a fisherman,a little girl,a baker,a tall boy,a farmer,a teacher,a gardener,a doctor,a painter,"
           "a shepherd,a carpenter".split(","),
    "feeling": "happy,proud,glad,surprised,thankful,calm,cheerful,delighted".split(","),
    "end": "From that day on they were friends.|They laughed until it was dark.|That night everyone slept well."
           "|Nobody ever forgot that day.|And so the day ended well.|They still tell this story today.|After that, life was a little easier."
           "|In the end there was enough for everybody.|Then they went home and had supper.|It was the best day of the year.".split("|"),
}
"""Words a story draws once and then keeps; telling.py draws from them for each sentence anew."""

# A block is a plot, a line is a sentence, between bars are its wordings.
# {a} {t}: the two words; {x}: a person; {f}: another animal; the rest is drawn from CHOICES.
PLOTS = """
{time} a {adjective} {a} found a {look} {t} {spot}. | {weather} when a {adjective} {a} saw a {look} {t} {spot}. | A {adjective} {a} was walking {place} when it came upon a {look} {t}. | There was a {look} {t} {spot}, and a {adjective} {a} found it.
"Whose {t} is this?" asked the {a}. | The {a} had never seen a {t} so close. | "Somebody will miss this {t}," thought the {a}. | The {a} looked left and right, but nobody was there.
It carried the {t} to the village and knocked at every door. | So it took the {t} and went from house to house. | The {a} picked the {t} up and set out to find the owner. | It cleaned the {t} and showed it to everyone it met.
At the first house nobody knew anything. | Many people shook their heads. | "Not mine," said the first neighbour, and the second said the same. | It walked until its feet hurt.
At the last house {x} smiled and said, "It is mine." | Then {x} came running and cried, "You have found my {t}!" | At last {x} opened the door and knew the {t} at once. | In the evening {x} saw the {t} and almost wept for joy.
{x} thanked the {a} and gave it something good to eat. | The {a} gave the {t} back and wanted nothing for it. | "Come in," said {x} to the {a}, "you must be tired." | {x} held the {t} tight and asked the {a} to stay.
The {a} was {feeling}. {end}

A {adjective} {a} lived {place}. | There was once a {adjective} {a} who lived {place}. | {place} lived a {adjective} {a}. | Long ago a {adjective} {a} had its home {place}.
It had only one thing in the world, a {look} {t}. | Nothing was dearer to it than its {look} {t}. | Every evening it sat beside its {look} {t}. | Its {look} {t} had come from its grandmother.
{time} a storm came and blew the {t} away. | {time} the {t} was gone. | {time} the water rose and carried the {t} off. | {time} the {a} woke up and could not find the {t}.
The {a} looked for the {t} the whole night. | The {a} searched {place} and called, but who can call a {t}? | It looked high and low, and it found nothing but leaves. | The {a} sat down and did not know what to do.
Then {x} came by and asked what was wrong. | {x} heard the noise and came to help. | In the morning {x} was on the way to school and stopped. | "Why so sad?" asked {x}.
"I have lost my {t}," said the {a}. | The {a} told {x} about the {t}. | The {a} could hardly speak. | "It is {look}, and it is mine," said the {a}.
They found the {t} {spot}. | {x} saw the {t} first, {spot}. | Together they looked again, and there lay the {t} {spot}. | It was {x} who found the {t} {spot}.
{end}

{time} a {a} met a {f} {place}. | A {a} and a {f} met {place}. | {weather}, and a {a} was talking to a {f} {place}. | {time} a {f} came to see a {a} who lived {place}.
"What have you got there?" asked the {f}. | The {f} pointed at something behind the {a}. | "Is that yours?" the {f} wanted to know. | The {f} was curious, as it always was.
"A {look} {t}," said the {a}. | "This is my {look} {t}," said the {a}, "and it is not for sale." | The {a} showed the {f} a {look} {t}. | "It is only a {look} {t}," said the {a}.
"I will give you the {t} if you help me," said the {a}. | "May I borrow the {t}?" asked the {f}. | The {f} had wanted a {t} for years. | "I know what one can do with a {t}," said the {f}.
So they worked together until evening. | So they agreed to share it for a week. | They talked for a long time and drank tea. | The {a} thought about it and said yes.
The {f} took the {t} home. | Then the {f} carried the {t} home very carefully. | The {f} brought the {t} back the next day, as it had promised. | The {f} put the {t} in the best place in its house.
The {a} was {feeling}. | The {f} was {feeling}. | Both of them were {feeling}. | Nobody could say who was more {feeling}, the {a} or the {f}.
{end}

There was once a {a} who wanted a {t}. | A {adjective} {a} wanted a {t} more than anything. | "I need a {t}," said a {adjective} {a}. | {time} a {a} saw a {t} in the market and stood still.
It had no money. | But a {t} costs money, and the {a} had none. | "You must work for it," said {x}. | {x} had one, a {look} one, but did not want to give it away.
So it worked for {x} for a week. | So the {a} carried water for {x} every morning. | The {a} swept the floor for {x} until it shone. | It helped {x} with the hay, day after day.
It never complained. | Some days were long and hot. | At night the {a} dreamed of the {t}. | The neighbours laughed, but the {a} did not mind.
Then {x} gave it the {look} {t}. | At the end of the week {x} brought out the {look} {t}. | "Here is your {t}," said {x}. | {x} kept the promise and handed over the {t}.
The {a} ran home with the {t}. | The {a} put the {t} {spot} and looked at it for an hour. | The {a} thanked {x} and danced. | "Now I have a {t} of my own," said the {a}.
It was {feeling}. | The {a} was {feeling}. | {end}

{x} had a {a} and a {look} {t}. | In the house of {x} there were a {a} and a {look} {t}. | {x} lived {place} with a {adjective} {a} and owned a {look} {t}. | Everybody knew {x}, the {a} and the {look} {t}.
The {a} loved the {t} more than anything. | The {a} slept beside the {t} every night. | The {a} guarded the {t} as if it were gold. | Wherever the {t} was, the {a} was too.
{time} the {t} was gone. | {time} somebody had taken the {t}. | {time} {x} came home, and there was no {t}. | {time} they looked, and the {t} was not there any more.
{x} looked everywhere, and the {a} looked too. | {x} asked all the neighbours, but none of them had seen it. | The {a} ran through the house and sniffed at everything. | "Do not worry," said {x} to the {a}, "we shall find it."
Then the {a} remembered something. | At last the {a} stood still and made a noise. | Suddenly the {a} ran out of the door. | The {a} pulled {x} by the sleeve.
The {t} lay {spot}. | It had left the {t} {spot} itself. | There was the {t}, {spot}, just as it had been left. | {spot} they saw the {t}.
{x} laughed. | {x} carried the {t} home. | Both of them were {feeling}. | {x} was {feeling}, and so was the {a}.
{end}

{weather}. | It was late, and {weather2}. | The night was long. | It was the coldest night of the year.
A {adjective} {a} sat {spot} and could not sleep. | A {adjective} {a} lay {spot} and listened. | {spot} sat a {adjective} {a}, wide awake. | A {adjective} {a} was alone {place}.
Then it heard a noise. | Somebody was coming. | It heard steps, first far away and then near. | All at once there was a light.
It was {x}, who had come with a {look} {t}. | {x} stood there with a {look} {t}. | Out of the dark came {x} and brought a {look} {t}. | "Do not be afraid," said {x}, and put down a {look} {t}.
"This {t} is for you," said {x}. | "I made this {t} myself," said {x}, "and now it is yours." | "I do not need this {t} any more," said {x}. | "Take the {t}," said {x}, "it will help you."
The {a} did not know what to say. | The {a} touched the {t} very gently. | "For me?" asked the {a}. | Nobody had ever given the {a} anything.
It was so {feeling} that it danced. | The {a} was {feeling} and soon fell asleep beside the {t}. | After that, the {a} was never without the {t}. | The {a} was {feeling}, and {x} was too.
{end}

{time} a {a} fell into a deep hole {place}. | A {adjective} {a} fell into the old well {place}. | {weather}, and a {adjective} {a} slid into a ditch {place}. | {time} a {adjective} {a} got stuck in the mud {place}.
It called and called, but nobody came. | "Help!" cried the {a}. | It tried to climb out and fell back each time. | For a long time nothing happened.
At last {x} heard it. | {x} was the first to hear it. | By chance {x} came along the path. | Then {x} looked down and saw the {a}.
"Wait," said {x}, and ran to fetch a {t}. | {x} had nothing with them but a {look} {t}. | "I have an idea," said {x}, and held out a {look} {t}. | {x} thought for a moment and brought a {look} {t}.
Who would have thought that a {t} could be so useful? | "What do you want with a {t}?" asked the {a}. | It did not look as if a {t} could help. | The {a} stared at the {t} and hoped.
With the {t} they got the {a} out again. | {x} pulled, the {t} held, and the {a} was free. | Thanks to the {t} the {a} was soon on dry ground. | It took an hour, but then the {a} was out.
The {a} was {feeling}. | The {a} bowed to {x} and then, just as deeply, to the {t}. | {x} was {feeling} and gave the {a} some bread. | "I shall never forget you," said the {a} to {x}.
{end}

A {a} and a {f} both wanted the same {t}. | A {a} and a {f} were quarrelling about a {t}. | {time} a {a} and a {f} found a {look} {t}, both at the same moment. | There was only one {t}, and both a {a} and a {f} wanted it.
"It is mine," said the {a}. | "I saw the {t} first," said the {f}. | The {a} pulled at one side of the {t} and the {f} at the other. | They shouted so loudly about the {t} that the birds flew away.
"No, mine," answered the {f}. | "That is not true," said the {a}. | Neither of them would let go of the {t}. | It went on like this until noon.
{x} came by and listened. | Then {x}, who lived {place}, had enough of the noise. | They asked {x} to decide. | "What is the matter here?" asked {x}.
"You can share the {t}," said {x}. | {x} said that a {t} is big enough for two. | "Each of you may have the {t} for a day," said {x}. | {x} hid the {t} until they were quiet.
So the {a} had the {t} in the morning and the {f} had it in the evening. | The {a} looked at the {f}, and the {f} looked at the {a}. | After a while the {f} gave the {t} to the {a}. | The {a} pushed the {t} over to the {f} and said, "You first."
They were both {feeling}. | The {a} was {feeling}, and the {f} was too. | That was how the {a} and the {f} learned to share. | From then on nobody quarrelled about the {t}.
{end}

Nobody believed that a {a} could use a {t}. | Everybody knows that a {a} has no use for a {t}. | "A {a} with a {t}!" said the people, and they laughed. | {time} a {adjective} {a} decided to learn how to use a {t}.
{time2} the {a} took a {t} and showed them. | The {a} got a {look} {t} from {x}. | {x} lent the {a} a {look} {t}. | But there was a {look} {t} {spot}, and the {a} took it.
At first everything went wrong. | The {a} tried it, and the {t} fell down. | The first day was hard, and the second was harder. | It held the {t} the wrong way round.
"Try again," said {x}. | {x} showed the {a} how it is done. | The {a} did not give up. | It practised {place}, where nobody could see it.
After a week the {a} could do it. | Slowly the {a} and the {t} became friends. | And then, all at once, it was easy. | One evening everything went right.
{x} came to watch and clapped. | Then nobody laughed any more. | "Look at that {a}!" cried {x}. | All the neighbours came to see the {a} with the {t}.
The {a} was {feeling}. | The {a} put down the {t} and was {feeling}. | {x} was as {feeling} as the {a}. | And the {t} shone in the sun.
{end}

{x} gave a {look} {t} to a {adjective} {a}. | {time} {x} lent a {look} {t} to a {a}. | {x} had to go away and left a {look} {t} with a {adjective} {a}. | A {adjective} {a} promised {x} to look after a {look} {t}.
"Take good care of it," said {x}. | "Do not lose the {t}," said {x}. | "I shall be back soon," said {x}. | "You are the only one I trust with it," said {x}.
The {a} put the {t} {spot} and sat down beside it. | So the {a} watched the {t} day and night. | The {a} carried the {t} wherever it went. | The {a} hid the {t} {spot}.
{weather}, but the {a} did not leave. | A {f} came and asked for the {t}, but the {a} sent the {f} away. | It was not easy, for everyone wanted to see the {t}. | Two days went by, and then a third.
Then {x} came back. | On the fourth day {x} returned. | At last {x} stood at the door again. | When {x} came home, the {a} was still there.
"Here is your {t}," said the {a}. | The {t} was as good as new. | The {a} gave the {t} to {x} without a word. | {x} saw the {t} and smiled.
{x} thanked the {a} with a big dinner. | The {a} was {feeling}, and {x} was {feeling} too. | "You are a true friend," said {x} to the {a}. | {x} was {feeling} and let the {a} keep the {t}.
{end}

The {t} in the kitchen of {x} was {look}. | {x} kept a {look} {t} by the window. | In the old house of {x} there was a {look} {t}. | {x} was proud of a {look} {t}.
Every night a {adjective} {a} came to look at it. | A {adjective} {a} often sat outside and looked at the {t}. | A {adjective} {a} had heard of this {t} and wanted to see it. | What {x} did not know was that a {adjective} {a} lived behind the stove.
{time} {x} saw the {a} and kept very still. | {time} {x} came in and found the {a} next to the {t}. | {time} the {a} dared to touch the {t}. | {time} the {a} came in through the open door.
"What are you doing with my {t}?" asked {x}. | The {a} was so afraid that it could not move away from the {t}. | "I only want to look at the {t}," said the {a}. | {x} took the {t} in both hands and was not angry at all.
"You may stay," said {x}, "but leave the {t} where it is." | {x} sat down on the floor beside the {a}. | {x} told the {a} where the {t} came from. | "Then we can look at the {t} together," said {x}.
The {a} stayed. | The {a} nodded. | So the {a} came every evening, and {x} left the door open. | From then on {x} and the {a} looked at the {t} together.
The {a} was {feeling}. | Both of them were {feeling}. | And the {t} stayed where it was. | {x} was {feeling}, for the house was less empty now.
{end}

{x} wanted to make a {t} for a {a}. | {x} promised a {adjective} {a} a new {t}. | A {adjective} {a} asked {x} for a {t}. | The {t} of a {adjective} {a} was broken, and {x} wanted to help.
The work took three days. | It had to be {look}, and that is not easy. | First {x} made a drawing of the {t}. | {x} worked {place}, where the light was good.
The {a} came every day and asked if it was ready. | The {a} waited and waited. | "Is my {t} ready?" asked the {a} each morning. | The {a} could not think of anything else.
{time} the {t} was ready. | {time} {x} carried the {t} to the {a}. | {time} {x} called the {a} and showed it the {t}. | Then the day came, and the {t} was done.
It was a {look} {t}. | "Here is your {look} {t}," said {x}. | A {look} {t} stood {spot}. | The {a} looked at the {t} from all sides.
"I have never seen such a {t}," said the {a}. | The {a} did not want to let go of it. | "How can I thank you?" asked the {a}. | The {a} ran around the {t} three times.
{x} was {feeling}. | The {a} was {feeling}. | {x} and the {a} were {feeling}. | {x} only smiled.
{end}
"""


def _plots() -> list[list[list[str]]]:
    """Plots of sentences of wordings."""
    blocks = PLOTS.strip().split("\n\n")
    return [[line.split(" | ") for line in block.splitlines()] for block in blocks]


def tell(animal: str, thing: str, random: Random, companions: Sequence[str] = ANIMALS) -> str:
    """A story of five to eight sentences about the two words; what it has said of them once it keeps to.

    companions: the animals from which a second one is drawn, where the plot needs one.
    """
    kept = {word: random.choice(options) for word, options in CHOICES.items()}
    kept["weather2"] = _lower(random.choice(CHOICES["weather"]))
    kept["time2"] = random.choice([time for time in CHOICES["time"] if time != kept["time"]])
    other = random.choice([one for one in companions if one != animal])
    kept |= {"a": animal, "t": thing, "f": other, "x": random.choice(PEOPLE)}
    sentences: list[str] = []
    for wordings in random.choice(_PLOTS):
        line = random.choice(wordings).format(**kept)
        sentences.append(line[0].upper() + line[1:])
    return with_articles(" ".join(_shortened(sentences, random)))


def _shortened(sentences: list[str], random: Random) -> list[str]:
    """At most eight sentences: one from the middle may go, the first two and the last two stay."""
    text = " ".join(sentences)
    while len(sentences_of(text)) > LONGEST:
        del sentences[random.randrange(3, len(sentences) - 2)]
        text = " ".join(sentences)
    return sentences


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


_PLOTS = _plots()


def with_articles(text: str) -> str:
    """`a owl` becomes `an owl`: the templates write `a` everywhere."""
    words = text.split(" ")
    for place, (word, following) in enumerate(pairwise(words)):
        vowel = following.lstrip('"')[:1].lower() in "aeio" or following.startswith("umbrella")
        if word.lstrip('"') in ("a", "A") and vowel:
            words[place] = word + "n"
    return " ".join(words)


SHORTEST, LONGEST = 5, 8


def sentences_of(text: str) -> list[str]:
    """The sentences of a story; what is said in quotes belongs to the sentence that says it."""
    found: list[str] = []
    for part in re.split(r'(?<=[.!?]) |(?<=[.!?]") ', text.strip()):
        if found and (found[-1].count('"') % 2 or (found[-1].endswith('"') and part[:1].islower())):
            found[-1] += " " + part
        else:
            found.append(part)
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]+", text)


def _looks_of(thing: str, story: str) -> set[str]:
    """The words of LOOKS that stand before the thing."""
    return {word for word, following in pairwise(_words(story)) if following == thing and word in LOOKS}


RULES: dict[str, Callable[[str, str, str], bool]] = {
    "both words are told of, each at least twice": lambda story, animal, thing: (
        min(_words(story).count(animal), _words(story).count(thing)) >= 2
    ),
    "five to eight sentences, the last one finished": lambda story, animal, thing: (
        SHORTEST <= len(sentences_of(story)) <= LONGEST and story.rstrip('"')[-1:] in ".!?"
    ),
    "no sentence twice": lambda story, animal, thing: len(set(sentences_of(story))) == len(sentences_of(story)),
    "no other thing of the list": lambda story, animal, thing: not set(_words(story)) & (set(THINGS) - {thing}),
    "at most one other animal, and it comes back": lambda story, animal, thing: (
        all(_words(story).count(other) >= 2 for other in _others(story, animal)) and len(_others(story, animal)) <= 1
    ),
    "at most one person": lambda story, animal, thing: len(set(_words(story)) & set(PEOPLE)) <= 1,
    "the thing looks the same throughout": lambda story, animal, thing: len(_looks_of(thing, story)) <= 1,
}
"""What makes a story consistent: each rule's name and whether (story, animal, thing) keeps it."""


def _others(story: str, animal: str) -> set[str]:
    return set(_words(story)) & (set(ANIMALS) - {animal})


def broken_rules(story: str, animal: str, thing: str) -> list[str]:
    """The names of the rules a story breaks; none where it is consistent."""
    return [name for name, keeps in RULES.items() if not keeps(story, animal, thing)]
