"""Tables of true things the pocket model learns: countries, opposites, colours, sounds, verbs, plurals, names.

Knows nothing of how they are asked or told (knowledge.py, telling.py).
"""

# ruff: noqa: E501, SIM905 (the tables below are data; a word list is easier to read and to extend as words)

from __future__ import annotations

from itertools import product


def rows(text: str) -> list[list[str]]:
    """A table written as lines of cells between bars; blank lines and spaces around cells do not count."""
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


def pairs(text: str) -> list[tuple[str, str]]:
    """Pairs written as `left=right`, separated by commas."""
    halves = (pair.split("=") for pair in text.replace("\n", " ").split(","))
    return [(left.strip(), right.strip()) for left, right in halves]


# English name, capital, Japanese name, capital in Japanese
COUNTRIES = rows("""
France|Paris|フランス|パリ
Germany|Berlin|ドイツ|ベルリン
Italy|Rome|イタリア|ローマ
Spain|Madrid|スペイン|マドリード
Portugal|Lisbon|ポルトガル|リスボン
Japan|Tokyo|日本|東京
China|Beijing|中国|北京
India|New Delhi|インド|ニューデリー
Egypt|Cairo|エジプト|カイロ
Greece|Athens|ギリシャ|アテネ
Austria|Vienna|オーストリア|ウィーン
Poland|Warsaw|ポーランド|ワルシャワ
Sweden|Stockholm|スウェーデン|ストックホルム
Norway|Oslo|ノルウェー|オスロ
Finland|Helsinki|フィンランド|ヘルシンキ
Denmark|Copenhagen|デンマーク|コペンハーゲン
Ireland|Dublin|アイルランド|ダブリン
Iceland|Reykjavik|アイスランド|レイキャビク
Hungary|Budapest|ハンガリー|ブダペスト
Belgium|Brussels|ベルギー|ブリュッセル
Russia|Moscow|ロシア|モスクワ
Turkey|Ankara|トルコ|アンカラ
Iran|Tehran|イラン|テヘラン
Iraq|Baghdad|イラク|バグダッド
Kenya|Nairobi|ケニア|ナイロビ
Cuba|Havana|キューバ|ハバナ
Peru|Lima|ペルー|リマ
Chile|Santiago|チリ|サンティアゴ
Canada|Ottawa|カナダ|オタワ
Mexico|Mexico City|メキシコ|メキシコシティ
Thailand|Bangkok|タイ|バンコク
Vietnam|Hanoi|ベトナム|ハノイ
Nepal|Kathmandu|ネパール|カトマンズ
Australia|Canberra|オーストラリア|キャンベラ
Brazil|Brasilia|ブラジル|ブラジリア
Argentina|Buenos Aires|アルゼンチン|ブエノスアイレス
Jordan|Amman|ヨルダン|アンマン
Lebanon|Beirut|レバノン|ベイルート
Croatia|Zagreb|クロアチア|ザグレブ
Serbia|Belgrade|セルビア|ベオグラード
Bulgaria|Sofia|ブルガリア|ソフィア
Romania|Bucharest|ルーマニア|ブカレスト
Estonia|Tallinn|エストニア|タリン
Latvia|Riga|ラトビア|リガ
Ukraine|Kyiv|ウクライナ|キーウ
Ghana|Accra|ガーナ|アクラ
Morocco|Rabat|モロッコ|ラバト
Tunisia|Tunis|チュニジア|チュニス
Jamaica|Kingston|ジャマイカ|キングストン
Ecuador|Quito|エクアドル|キト
Uruguay|Montevideo|ウルグアイ|モンテビデオ
Uganda|Kampala|ウガンダ|カンパラ
Switzerland|Bern|スイス|ベルン
South Korea|Seoul|韓国|ソウル
the USA|Washington|アメリカ|ワシントン
the UK|London|イギリス|ロンドン
the Netherlands|Amsterdam|オランダ|アムステルダム
New Zealand|Wellington|ニュージーランド|ウェリントン
Indonesia|Jakarta|インドネシア|ジャカルタ
the Philippines|Manila|フィリピン|マニラ
Malaysia|Kuala Lumpur|マレーシア|クアラルンプール
Mongolia|Ulaanbaatar|モンゴル|ウランバートル
Ethiopia|Addis Ababa|エチオピア|アディスアベバ
Nigeria|Abuja|ナイジェリア|アブジャ
Colombia|Bogota|コロンビア|ボゴタ
Venezuela|Caracas|ベネズエラ|カラカス
Czechia|Prague|チェコ|プラハ
Lithuania|Vilnius|リトアニア|ビリニュス
Saudi Arabia|Riyadh|サウジアラビア|リヤド
""")

# Other names of the same countries, with the capital
ALSO_CALLED = pairs("""America=Washington, the United States=Washington, the US=Washington, England=London, Britain=London,
Great Britain=London, the United Kingdom=London, Holland=Amsterdam, the Czech Republic=Prague, Korea=Seoul""")
ALSO_CALLED_JA = pairs("""アメリカ合衆国=ワシントン, 米国=ワシントン, 英国=ロンドン, 大韓民国=ソウル, 中華人民共和国=北京, タイ王国=バンコク, ドイツ連邦共和国=ベルリン""")

OPPOSITES = pairs("""hot=cold, big=small, tall=short, old=young, fast=slow, dark=light, heavy=light, hard=soft, wet=dry, full=empty,
rich=poor, strong=weak, happy=sad, early=late, near=far, high=low, loud=quiet, clean=dirty, open=closed, deep=shallow, wide=narrow,
thick=thin, rough=smooth, sharp=blunt, sweet=sour, right=wrong, true=false, good=bad, brave=afraid, wild=tame, alive=dead, awake=asleep,
first=last, up=down, inside=outside, day=night, summer=winter, north=south, east=west, begin=end, buy=sell, give=take,
push=pull, win=lose, remember=forget, arrive=leave, laugh=cry, question=answer, friend=enemy, always=never, before=after, many=few,
love=hate, left=right, black=white, yes=no, start=stop, rise=fall, more=less, long=short, on=off, front=back, top=bottom, war=peace,
success=failure, truth=lie, sunrise=sunset, easy=difficult, beautiful=ugly, large=little, cheap=expensive, simple=complicated, ancient=modern, safe=dangerous, polite=rude, lazy=hardworking, warm=cool""")

OPPOSITES_JA = pairs("""大きい=小さい, 高い=低い, 長い=短い, 新しい=古い, 暑い=寒い, 明るい=暗い, 多い=少ない, 強い=弱い, 重い=軽い, 広い=狭い,
太い=細い, 速い=遅い, 近い=遠い, 厚い=薄い, 深い=浅い, 良い=悪い, 上=下, 右=左, 前=後ろ, 内=外, 北=南, 東=西, 昼=夜, 夏=冬, 春=秋, 朝=夕方,
始まる=終わる, 開く=閉じる, 買う=売る, 押す=引く, 勝つ=負ける, 入る=出る, 乗る=降りる, 覚える=忘れる, 笑う=泣く, 生きる=死ぬ, 質問=答え, 味方=敵,
甘い=苦い, 安全=危険, 簡単=難しい, 静か=うるさい, きれい=汚い, 増える=減る, 上がる=下がる, 熱い=冷たい""")

COLOURS = pairs("""a ripe banana=yellow, snow=white, coal=black, grass=green, blood=red, a ripe tomato=red, a clear sky=blue,
the yolk of an egg=yellow, a lemon=yellow, an elephant=grey, a strawberry=red, a frog in the grass=green, milk=white, chocolate=brown, a carrot=orange,
a pumpkin=orange, a crow=black, a swan=white, a flamingo=pink, a spinach leaf=green, a ripe cherry=red, a polar bear=white, wet soil=brown,
a ripe blueberry=blue, salt=white, soot=black, a canary=yellow, a cucumber=green, a fire engine=red, cotton=white,
a sunflower=yellow, lavender=purple, an aubergine=purple, a ripe orange=orange, mud=brown, a raven=black, a pea=green, rust=brown,
a ruby=red, an emerald=green, a sapphire=blue, an amethyst=purple, chalk=white, ash=grey, a goldfish=orange, broccoli=green, cream=white,
honey=yellow, a lime=green, a ripe raspberry=red, a banana=yellow, a tomato=red, a cherry=red, a rose=red, a leaf=green, an orange=orange, a plum=purple, coffee=brown, a pig=pink, a rat=grey, rice=white, paper=white,
sugar=white, flour=white, the moon=white, a blueberry=blue, an egg yolk=yellow""")

COLOURS_JA = pairs("""雪=白, 石炭=黒, 草=緑, 血=赤, 熟したトマト=赤, 晴れた空=青, 熟したバナナ=黄色, レモン=黄色, いちご=赤, 牛乳=白, チョコレート=茶色, にんじん=オレンジ色,
からす=黒, 白鳥=白, フラミンゴ=ピンク, ほうれんそう=緑, 塩=白, ひまわり=黄色, きゅうり=緑, 消防車=赤, 豆腐=白, ぞう=灰色, かぼちゃの中身=オレンジ色, なす=紫,
ラベンダー=紫, 墨=黒, ルビー=赤, エメラルド=緑, サファイア=青, 卵の黄身=黄色, ピーマン=緑, 綿=白, 土=茶色, ブロッコリー=緑, 灰=灰色, たんぽぽの花=黄色, バナナ=黄色, トマト=赤, 米=白, 砂糖=白,
桜=ピンク, 夜空=黒, 郵便ポスト=赤, みかん=オレンジ色, 葉っぱ=緑""")

SOUNDS = pairs("""cow=moos, dog=barks, cat=meows, horse=neighs, sheep=bleats, pig=grunts, duck=quacks, hen=clucks, rooster=crows, lion=roars,
wolf=howls, frog=croaks, snake=hisses, owl=hoots, bee=buzzes, mouse=squeaks, donkey=brays, crow=caws, pigeon=coos, elephant=trumpets,
turkey=gobbles, goose=honks, bear=growls, cricket=chirps, goat=bleats, tiger=roars, robin=sings, parrot=squawks, hyena=laughs, mosquito=whines""")

YOUNG = pairs("""dog=puppy, cat=kitten, cow=calf, horse=foal, sheep=lamb, goat=kid, pig=piglet, duck=duckling, goose=gosling, hen=chick, bear=cub,
lion=cub, deer=fawn, frog=tadpole, kangaroo=joey, swan=cygnet, eagle=eaglet, owl=owlet, wolf=pup, seal=pup, elephant=calf, whale=calf, fox=cub,
hare=leveret, eel=elver, butterfly=caterpillar""")

PAST = pairs("""go=went, see=saw, eat=ate, drink=drank, run=ran, swim=swam, sing=sang, write=wrote, give=gave, take=took, come=came, know=knew,
think=thought, bring=brought, buy=bought, catch=caught, teach=taught, make=made, say=said, tell=told, find=found, hold=held, keep=kept,
leave=left, lose=lost, meet=met, send=sent, sleep=slept, speak=spoke, stand=stood, win=won, break=broke, choose=chose, drive=drove,
fall=fell, fly=flew, forget=forgot, grow=grew, hear=heard, ride=rode, rise=rose, sit=sat, throw=threw, wake=woke, wear=wore, begin=began,
build=built, draw=drew, feel=felt, sell=sold, walk=walked, play=played, look=looked, help=helped, jump=jumped, open=opened, paint=painted,
cook=cooked, laugh=laughed, carry=carried, stop=stopped, plan=planned, smile=smiled, close=closed, listen=listened, climb=climbed""")

PLURALS = pairs("""mouse=mice, child=children, foot=feet, tooth=teeth, goose=geese, man=men, woman=women, ox=oxen, leaf=leaves, knife=knives,
wolf=wolves, loaf=loaves, shelf=shelves, half=halves, wife=wives, thief=thieves, city=cities, baby=babies, story=stories, berry=berries,
lady=ladies, fly=flies, party=parties, country=countries, box=boxes, fox=foxes, bus=buses, dish=dishes, glass=glasses, church=churches,
watch=watches, potato=potatoes, tomato=tomatoes, hero=heroes, cat=cats, dog=dogs, tree=trees, book=books, house=houses, boat=boats,
apple=apples, key=keys, day=days, boy=boys, piano=pianos, sheep=sheep, brush=brushes, dress=dresses, peach=peaches, star=stars,
river=rivers, chair=chairs, horse=horses, lamp=lamps, bird=birds""")

KINDS = pairs("""rose=flower, tulip=flower, daisy=flower, lily=flower, oak=tree, pine=tree, birch=tree, willow=tree, salmon=fish, trout=fish, shark=fish,
sparrow=bird, eagle=bird, penguin=bird, hammer=tool, saw=tool, spanner=tool, drill=tool, violin=instrument, piano=instrument, flute=instrument,
trumpet=instrument, ant=insect, beetle=insect, wasp=insect, butterfly=insect, apple=fruit, pear=fruit, plum=fruit, grape=fruit, carrot=vegetable,
cabbage=vegetable, leek=vegetable, chair=piece of furniture, table=piece of furniture, wardrobe=piece of furniture, snake=reptile,
lizard=reptile, crocodile=reptile, dog=mammal, whale=mammal, bat=mammal, guitar=instrument, bee=insect, tractor=vehicle, shirt=piece of clothing,
jacket=piece of clothing, bus=vehicle, lorry=vehicle, tram=vehicle, square=shape, triangle=shape, circle=shape, dress=piece of clothing, taxi=vehicle""")

WEEK = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
WEEK_JA = "月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日".split()

PEOPLE = """Anna Ben Clara David Elsa Felix Greta Hugo Ines Jonas Kira Leo Mia Noah Olga Paul Rosa Sam Tara Uma Viktor Wendy Yara Zoe Aisha
Boris Carmen Dinah Emil Fatima Goran Hana Ivan Julia Kofi Lena Marco Nadia Oskar Priya Rahul Sofia Tomas Ulla Vera Walter Amir Bella Cyrus
Dora Eva Finn Gloria Henry Iris Jack Karin Lucas Maya Nora""".split()
PEOPLE_JA = """さくら はると ゆい そうた あおい みなと ひまり れん めい ゆうと りん かいと こはる だいち なお たける まい けんた ゆき しょう あや りく
はな つばさ ちひろ まこと みさき じゅん ともこ ひろし けいこ すみれ あきら のぞみ ようこ いちろう さとし かおり たかし みどり""".split()

_HEADS = "Ba Da Do Fe Ga Ha Jo Ka Ke Li Lo Ma Mi Na Ni Pa Ra Ro Sa Si Ta Te To Va Zu".split()
_TAILS = "bel da den far ki la lin mon na nek ra rin sa so tas va vik zo".split()
_KANA = "あ い か き さ し た な の は ま み も や ゆ ら り る わ こ".split()
_KANA_ENDS = "こ か み と き な ね や ほ ろ".split()

NAMES = list(dict.fromkeys(PEOPLE + [head + tail for head, tail in product(_HEADS, _TAILS)]))
"""Names to repeat: people's, and 450 made of syllables, so that repeating has to be done and not remembered."""
NAMES_JA = list(dict.fromkeys(PEOPLE_JA + [a + b + c for a, b, c in product(_KANA[::2], _KANA[1::2], _KANA_ENDS) if a != b]))[:440]

# English word, Japanese word
WORDS = pairs("""dog=犬, cat=猫, bird=鳥, fish=魚, horse=馬, cow=牛, flower=花, tree=木, forest=森, mountain=山, river=川, sea=海, sky=空, rain=雨,
snow=雪, wind=風, star=星, moon=月, sun=太陽, water=水, fire=火, stone=石, house=家, door=ドア, window=窓, table=テーブル, chair=いす, book=本,
letter=手紙, picture=絵, music=音楽, song=歌, school=学校, teacher=先生, friend=友だち, child=子ども, mother=母, father=父, king=王, doctor=医者,
hand=手, foot=足, eye=目, ear=耳, mouth=口, head=頭, heart=心, milk=牛乳, bread=パン, rice=米, egg=卵, apple=りんご, tea=お茶, salt=塩, sugar=砂糖,
morning=朝, night=夜, today=今日, tomorrow=明日, spring=春, summer=夏, autumn=秋, winter=冬, train=電車, car=車, ship=船, bridge=橋, road=道,
town=町, village=村, country=国, garden=庭, hat=帽子, shoe=靴, umbrella=かさ, clock=時計, paper=紙, pencil=鉛筆, dream=夢, story=物語""")

SPELLED = """lamp tree house river garden bread milk sugar paper pencil window table chair door letter school friend mother father child
horse mouse bird fish flower forest mountain bridge road train ship boat water stone fire wind cloud snow rain storm summer winter spring
autumn morning night dream story music song picture colour green yellow white black brown small great quick slow happy tired brave kind
young clock watch shoe coat shirt button basket bottle spoon plate glass apple pear plum lemon carrot onion potato butter cheese honey
salt tea king queen doctor teacher farmer baker sailor market village town city street island ocean beach sand shell ladder candle
mirror pillow blanket kitchen number seven eight twelve hundred""".split()
"""Words to spell, each letter for itself."""

ALSO_TRUE: dict[str, dict[str, str]] = {
    "sounds_en": {
        "cat": "hisses growls", "dog": "growls howls whines", "lion": "growls", "tiger": "growls", "bear": "roars",
        "wolf": "growls barks whines", "mosquito": "buzzes", "goose": "hisses", "hyena": "howls whines",
        "robin": "chirps", "crow": "squawks",
    },
    "young_en": {
        "dog": "pup", "wolf": "cub", "fox": "pup", "duck": "chick", "goose": "chick", "swan": "chick",
        "eagle": "chick", "owl": "chick", "deer": "calf",
    },
    "opposites_en": {
        "hot": "cool", "warm": "cold", "ancient": "young", "old": "modern", "right": "false", "true": "wrong",
        "wide": "thin", "thick": "narrow", "tall": "small low", "up": "low", "high": "down",
    },
    "kinds_en": {"apple": "tree", "pear": "tree", "plum": "tree"},
    "opposites_ja": {"朝": "夜", "暑い": "冷たい", "熱い": "寒い"},
}
"""By skill and word, other values of its table that a school book would also accept: none is offered as wrong."""
