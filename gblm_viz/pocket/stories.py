"""Short stories about two given words, an animal and a thing, in many plots and wordings.

Knows nothing of chats and probes; whoever asks brings the random numbers.
"""

# ruff: noqa: E501, SIM905 (the tables below are data; a word list is easier to read and to extend as words)

from __future__ import annotations

from itertools import pairwise
from random import Random

from gblm_viz.pocket.facts import PEOPLE

ANIMALS = """fox cat dog mouse bear rabbit frog owl duck goat horse hen crow hedgehog squirrel donkey turtle badger sparrow otter snail
lamb goose beetle""".split()
THINGS = """key boat lamp book ball hat box drum apple bell stone ladder kite basket ring map cake coin rope chair button spoon umbrella
candle wheel blanket bottle feather letter mirror pillow teapot clock scarf bucket violin""".split()

CHOICES = {
    "adjective": "small,old,young,quiet,clever,tired,hungry,kind,shy,brave,curious,lonely,grey,brown,merry,careful".split(","),
    "look": "red,blue,round,golden,broken,wooden,shiny,heavy,tiny,strange,beautiful,dusty,yellow,green,silver".split(","),
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
    "friend": ANIMALS,
    "feeling": "happy,proud,glad,surprised,thankful,calm,cheerful,delighted".split(","),
    "end": "From that day on they were friends.|They laughed until it was dark.|That night everyone slept well."
           "|Nobody ever forgot that day.|And so the day ended well.|They still tell this story today.|After that, life was a little easier."
           "|In the end there was enough for everybody.|Then they went home and had supper.|It was the best day of the year.".split("|"),
    "name": PEOPLE,
}

# {a}, {t}: the two words; {x}, {y}: names; the rest is drawn from CHOICES, each place for itself.
PLOTS = """
{time} a {adjective} {a} found a {look} {t} {spot}. "Whose {t} is this?" asked the {a}. It carried the {t} to the village and knocked at every door. At the last house {who} smiled and said, "It is mine. I lost it long ago." The {a} was {feeling}. {end}
A {adjective} {a} lived {place}. It had only one thing in the world, a {look} {t}. {time} a storm came and blew the {t} away. The {a} looked for it the whole night. {x} found it {spot} and brought it back. {end}
{x} had a {a} and a {look} {t}. The {a} loved the {t} more than anything. {time} the {t} was gone. {x} looked everywhere, and the {a} looked too. At last they saw it {spot}. Both of them were {feeling}. {end}
{time} a {a} met a {friend} {place}. "What have you got there?" asked the {friend}. "A {look} {t}," said the {a}. "I will give it to you if you help me." So they worked together until evening. The {friend} took the {t} home and was {feeling}. {end}
There was once a {a} who wanted a {t}. It had no money, so it worked for {who}. It worked for a week and never complained. Then it got a {look} {t} and ran home with it. The {a} put the {t} {spot} and was {feeling}. {end}
{weather}. A {adjective} {a} sat {spot} and could not sleep. Then it heard a noise. It was {x}, who had come with a {look} {t}. "This {t} is for you," said {x}. The {a} was so {feeling} that it danced. {end}
{x} made a {look} {t} for a {a}. The work took three days. {time} the {t} was ready, and {x} carried it to the {a}, who lived {place}. "I have never seen such a {t}," said the {a}. {end}
{time} a {a} fell into a deep hole {place}. It called and called, but nobody came. At last {x} heard it and fetched a {t}. With the {t} they got the {adjective} {a} out again. The {a} was {feeling}. {end}
A {a} and a {friend} both wanted the same {t}. They pulled and shouted until the {t} fell down. {x} came by and said, "You can share it." So the {a} had the {t} in the morning and the {friend} had it in the evening. {end}
{weather}. {x} walked {place} with a {look} {t}. A {adjective} {a} followed all the way. "Do you want my {t}?" asked {x}. The {a} only wanted some bread. {x} laughed and shared the bread. {end}
Nobody believed that a {a} could use a {t}. {time} the {a} showed them. It took the {look} {t}, and {who} and {x} came to watch. At first it went wrong, but the {a} tried again. Then everybody clapped, and the {a} was {feeling}. {end}
{who} gave a {look} {t} to {x}. "Take care of it," they said. But {x} left the {t} {spot}. {time} a {adjective} {a} slept on it and kept it safe. {x} thanked the {a} with a big dinner. {end}
{time} {x} and {y} built a house for a {a} {place}. They used stones, wood and an old {t}. The {adjective} {a} came and looked at the house for a long time. Then it went in, lay down beside the {t} and was {feeling}. {end}
The {t} in the kitchen was {look}. Every night a {adjective} {a} came to look at it. {time} {x} saw the {a} and kept very still. "You may stay," said {x}, "but leave the {t} where it is." The {a} stayed. {end}
""".strip().splitlines()


def tell(animal: str, thing: str, random: Random) -> str:
    """A story of five or six sentences in which both words occur."""
    plot = random.choice(PLOTS)
    for word, options in CHOICES.items():
        while "{" + word + "}" in plot:
            plot = plot.replace("{" + word + "}", random.choice(options), 1)
    first, second = random.sample(PEOPLE, 2)
    plot = plot.replace("{x}", first).replace("{y}", second).replace("{a}", animal).replace("{t}", thing)
    return with_articles(plot[0].upper() + plot[1:])


def with_articles(text: str) -> str:
    """`a owl` becomes `an owl`: the templates write `a` everywhere."""
    words = text.split(" ")
    for place, (word, following) in enumerate(pairwise(words)):
        vowel = following.lstrip('"')[:1].lower() in "aeio" or following.startswith("umbrella")
        if word.lstrip('"') in ("a", "A") and vowel:
            words[place] = word + "n"
    return " ".join(words)
