"""Small talk, and the graceful answer to what the pocket model cannot know. Knows nothing of tokens.

What is held out is the whole message in its wording.
"""

# ruff: noqa: E501 (the tables below are data)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from gblm_viz.pocket import facts, said, stories
from gblm_viz.pocket.question import OPENERS, Question, Skill

# Beginnings, endings, the answer: every beginning goes with every ending; `_` is an empty one.
TALK_EN = """
Hello|Hi|Hi there|Hello there|Good day|Hey
!|.| to you.|, model.|, my friend.| again!
Hello! What would you like to know?

Good morning|A very good morning|Good morning there
!|.| to you.|, model.|, my friend.| again!
Good morning! What would you like to know?

Who are you|What are you|Tell me who you are|Please tell me about yourself|Can you introduce yourself|May I ask who you are
?|, please?|, if I may ask?| then?|, my friend?
I am a small language model. I know a few simple things.

How are you|How are you doing|How are you today|Are you well|Are you doing well
?| this morning?|, my friend?|, model?| now?
I am fine, thank you. What would you like to know?

What can you do|What do you know|What can I ask you|Tell me what you can do|How can you help me|What are you good at
?|, please?| then?|, model?
I can answer simple questions, add small numbers, repeat words and tell short stories.

Thank you|Thanks|Many thanks|Thank you very much|Thanks a lot|Thank you so much
.|!| for that.| for your help.| for the answer.|, that helps.|, model.
You are welcome.

Goodbye|Bye|See you|See you later|Bye for now
.|!|, model.|, my friend.|, and thank you.| then.
Goodbye! Come back soon.

Are you a person|Are you human|Are you alive|Are you a real person|Am I talking to a human being
?|, tell me?| or not?|, model?
I am not a person. I am a computer program that chooses words.

That is wrong|You are wrong|That is not right|You made a mistake|That was a mistake
.|!|, model.|, my friend.|, I think.
I am sorry. I am small and I make mistakes.

That is great|Very good|Well done|That was good|You are clever|Good answer|How nice
.|!|, model.|, my friend.|, I think.
Thank you. That is kind of you.
"""
TALK_JA = """
こんにちは|やあ|どうも|もしもし
。|！|、モデルさん。|、小さなモデルさん。
こんにちは。何を知りたいですか。

おはようございます|おはよう
。|！|、モデルさん。|、小さなモデルさん。
おはようございます。何を知りたいですか。

こんばんは
。|！|、モデルさん。|、小さなモデルさん。
こんばんは。何を知りたいですか。

あなたはだれですか|あなたは何ですか|自己紹介をしてください|あなたのことを教えてください
。|？|、モデルさん。|ね。
わたしは小さな言語モデルです。簡単なことを少し知っています。

ありがとう|ありがとうございます|どうもありがとう|助かりました|本当にありがとう
。|！|、モデルさん。|、よくわかりました。
どういたしまして。

さようなら|またね|それでは、また|また明日
。|！|、モデルさん。|、ありがとう。
さようなら。また来てください。

何ができますか|何を知っていますか|どんなことを聞けますか|何が得意ですか
。|？|、モデルさん。|、教えてください。
簡単な質問に答えたり、小さな数を足したり、言葉をくり返したり、短いお話をしたりできます。

それはちがいます|まちがっています|それは正しくありません|まちがえましたね
。|！|、モデルさん。|、たぶん。
ごめんなさい。わたしは小さいので、まちがえます。

あなたは人間ですか|人ですか|生きていますか|本物の人ですか
。|？|、モデルさん。|、どうですか。
わたしは人間ではありません。言葉を選ぶプログラムです。
"""


def _talk(language: str, text: str) -> Iterator[Question]:
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    answers = [answer for _, _, answer in blocks]
    for beginnings, endings, answer in blocks:
        for opener, begun, ended in product(
            dict.fromkeys(OPENERS[language][:4]), beginnings.split("|"), endings.split("|")
        ):
            if opener and begun.split(" ")[0] in opener:
                continue  # no "Hello. Hello there!"
            prompt = opener + begun + ended
            yield Question(prompt, prompt, "{}", answer, tuple(one for one in answers if one != answer)[:3])


def talk_en() -> Iterator[Question]:
    """Yield small talk in English."""
    return _talk("en", TALK_EN)


def talk_ja() -> Iterator[Question]:
    """Yield small talk in Japanese."""
    return _talk("ja", TALK_JA)


TOPICS = """the weather on the moon|quantum physics|the stock market|the last election|football results|my computer|the news|chemistry
the meaning of life|poetry|modern art|the internet|the price of oil|film stars|the best restaurant|cars|politics|medicine|cooking rice
electric engines|the Roman army|deep sea fish|climate change|black holes|chess openings|my homework|the new bridge|opera|gardening
space travel|bicycles|bank accounts|old coins|dinosaurs|volcanoes|the law|philosophy|fashion|programming|video games""".replace("\n", "|").split("|")
ABOUT_TOPICS = """
What do you know about {0}?
Tell me about {0}.
Explain {0} to me.
Why is {0} important?
I have a question about {0}.
Who invented {0}?
How does {0} work?
Where can I learn more about {0}?
Is there anything new about {0}?
""".strip().splitlines()
ABOUT_PEOPLE = """
What did {0} eat yesterday?
How old is {0}?
Where does {0} live?
What is {0} thinking about?
What will {0} do tomorrow?
Where did {0} put the key?
Why is {0} sad?
What colour is the coat of {0}?
When is the birthday of {0}?
Does {0} like me?
""".strip().splitlines()
ABOUT_THINGS = """
Where did I put my {0}?
How much does a {0} cost?
Where can I buy a {0}?
Who made the first {0}?
How do I mend a {0}?
Why did my {0} break?
How heavy is your {0}?
Which {0} is the best?
How do I draw a {0}?
""".strip().splitlines()
TOPICS_JA = """月の天気|物理学|株の値段|選挙|サッカーの結果|わたしのパソコン|今日のニュース|化学|人生の意味|詩|インターネット|映画|いちばんいい店|自動車
政治|薬|料理|電気の歴史|深い海の魚|宇宙|将棋|宿題|新しい橋|庭の手入れ|銀行|恐竜|火山|法律|服|ゲーム""".replace("\n", "|").split("|")
ABOUT_TOPICS_JA = """
{0}について教えてください。
{0}について何を知っていますか。
{0}のことを説明してください。
{0}について質問があります。
{0}はなぜ大切ですか。
{0}はだれが始めましたか。
""".strip().splitlines()
ABOUT_PEOPLE_JA = """
{0}さんは昨日、何を食べましたか。
{0}さんは何さいですか。
{0}さんはどこに住んでいますか。
{0}さんは明日、何をしますか。
{0}さんはなぜ泣いているのですか。
{0}さんの誕生日はいつですか。
""".strip().splitlines()


def _unknown(answer: str, *about: tuple[Sequence[str], Sequence[str]]) -> Iterator[Question]:
    for phrasings, slots in about:
        for phrasing, slot in product(phrasings, slots):
            prompt = stories.with_articles(phrasing.format(slot))
            yield Question(prompt, prompt, "{}", answer)


def unknown_en() -> Iterator[Question]:
    """Yield English questions that the model says it cannot answer."""
    return _unknown(said.answer_of("outside", "en", "knowledge"), (ABOUT_TOPICS, TOPICS),
                    (ABOUT_PEOPLE, facts.PEOPLE), (ABOUT_THINGS, stories.THINGS))


def unknown_ja() -> Iterator[Question]:
    """Yield Japanese questions that the model says it cannot answer."""
    return _unknown(said.answer_of("outside", "ja", "knowledge"), (ABOUT_TOPICS_JA, TOPICS_JA),
                    (ABOUT_PEOPLE_JA, facts.PEOPLE_JA))


SKILLS = [
    Skill("talk_en", "talk", "small talk", "あいさつ（英語）", talk_en, 14, 0.8),
    Skill("unknown_en", "talk", "saying what it does not know", "知らないと言う（英語）", unknown_en, 12, 0.6, choices=False),
    Skill("talk_ja", "talk", "small talk (Japanese)", "あいさつ", talk_ja, 14, 0.5),
    Skill("unknown_ja", "talk", "saying what it does not know (Japanese)", "知らないと言う", unknown_ja, 12, 0.4, choices=False),
]
