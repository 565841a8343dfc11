"""Seeded strings that a tokenizer may get wrong: languages, code, emoji, marks, white space, digits, broken bytes."""

import random
import unicodedata

SENTENCES = {
    "Amharic": "ሰላም ለዓለም፣ ዛሬ ጥሩ ቀን ነው።",
    "Arabic": "مرحبًا بالعالم، كيف حالُكَ اليوم؟ ١٢٣",
    "Armenian": "Բարեւ աշխարհ, ինչպե՞ս եք այսօր։",
    "Bengali": "ওহে বিশ্ব, আজ আবহাওয়া খুব ভালো। ১২৩",
    "Bulgarian": "Здравей, свят! Днес времето е хубаво.",
    "Burmese": "မင်္ဂလာပါ ကမ္ဘာလောက၊ ဒီနေ့ ရာသီဥတု ကောင်းတယ်။",
    "Catalan": "L'home va dir: «demà serà un col·legi nou».",
    "Chinese": "你好，世界！今天天氣很好，我们去公园散步吧。２０２５年",
    "Croatian": "Đak je čitao knjigu, a žaba je šutjela.",
    "Czech": "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "Danish": "Rødgrød med fløde på øen, sagde hun.",
    "Dutch": "'s Morgens drinkt hij 2 koppen koffie in de zon.",
    "English": "I'm sure they'll say it's what we'd've done; DON'T you? 'Tis 12:45.",
    "Esperanto": "Ĉu vi ŝatas la ĵaŭdan manĝon?",
    "Estonian": "Täna on õues külm, aga päike paistab.",
    "Finnish": "Hyvää päivää, yöllä sataa lunta.",
    "French": "L’été dernier, j'ai vu où naît l'œuvre : c'était « génial » !",
    "Georgian": "გამარჯობა მსოფლიო, დღეს კარგი ამინდია.",
    "German": "Größere Straßen führen übers Gebirge; Füße müde.",
    "Greek": "Καλημέρα κόσμε, τι κάνεις σήμερα; Ὦ ἄνδρες",
    "Gujarati": "નમસ્તે દુનિયા, આજે હવામાન સારું છે.",
    "Hebrew": "שָׁלוֹם עולם, מה שלומך היום?",
    "Hindi": "नमस्ते दुनिया, आज मौसम बहुत अच्छा है। १२३",
    "Hungarian": "Árvíztűrő tükörfúrógép, jó napot kívánok!",
    "Icelandic": "Góðan daginn, þetta er ævintýri.",
    "Indonesian": "Selamat pagi dunia, anak-anak sedang bermain.",
    "Irish": "Tá fáilte romhat, a chara; níl aon tinteán.",
    "Italian": "Perché no? È già l'ora dell'aperitivo.",
    "Japanese": "こんにちは世界。今日はカレーライスを食べました！ｶﾀｶﾅ　ガ",
    "Kannada": "ನಮಸ್ಕಾರ ಪ್ರಪಂಚ, ಇಂದು ಹವಾಮಾನ ಚೆನ್ನಾಗಿದೆ.",
    "Kazakh": "Сәлем әлем, бүгін ауа райы жақсы.",
    "Khmer": "សួស្តីពិភពលោក ថ្ងៃនេះអាកាសធាតុល្អ។",
    "Korean": "안녕하세요 세계! 오늘은 날씨가 좋네요. 각",
    "Lao": "ສະບາຍດີໂລກ ມື້ນີ້ອາກາດດີ",
    "Latvian": "Šodien ir ļoti jauka diena, vai ne?",
    "Lithuanian": "Įlinkdama fechtuotojo špaga sublykčiojusi.",
    "Malayalam": "നമസ്കാരം ലോകമേ, ഇന്ന് നല്ല കാലാവസ്ഥയാണ്.",
    "Mongolian": "Сайн байна уу, дэлхий! ᠮᠣᠩᠭᠣᠯ",
    "Nepali": "नमस्कार संसार, आज राम्रो दिन छ।",
    "Norwegian": "Blåbærsyltetøy på brødskiva, takk.",
    "Persian": "سلام دنیا، می‌خواهم کتاب بخوانم. ۱۲۳",
    "Polish": "Zażółć gęślą jaźń, proszę pana.",
    "Portuguese": "Não, a ação começou às três; você vem amanhã?",
    "Punjabi": "ਸਤ ਸ੍ਰੀ ਅਕਾਲ ਦੁਨੀਆ, ਅੱਜ ਮੌਸਮ ਚੰਗਾ ਹੈ।",
    "Romanian": "Bună ziua, țara și școala își așteaptă elevii.",
    "Russian": "Съешь же ещё этих мягких французских булок.",
    "Sinhala": "ආයුබෝවන් ලෝකය, අද කාලගුණය හොඳයි.",
    "Spanish": "¿Qué tal, señor? ¡Mañana será otro día!",
    "Swahili": "Habari za asubuhi, dunia; ng'ombe wangu.",
    "Swedish": "Flygande bäckasiner söka hwila på mjuka tuvor.",
    "Tamil": "வணக்கம் உலகம், இன்று வானிலை நன்றாக உள்ளது.",
    "Telugu": "హలో ప్రపంచం, ఈ రోజు వాతావరణం బాగుంది.",
    "Thai": "สวัสดีชาวโลก วันนี้อากาศดีมาก ๑๒๓",
    "Tibetan": "བཀྲ་ཤིས་བདེ་ལེགས། འཛམ་གླིང་།",
    "Turkish": "İyi günler dünya, ılık bir ışık var.",
    "Ukrainian": "Привіт, світе! Їжак з'їв ґалаґан.",
    "Urdu": "ہیلو دنیا، آج موسم اچھا ہے۔",
    "Vietnamese": "Xin chào thế giới, hôm nay trời đẹp quá! Tiếng Việt",
    "Yoruba": "Ẹ kú àárọ̀, báwo ni ọjọ́ yín?",
}
CODE = [
    "def f(x, *, y=None):\n    '''Doc.'''\n    return {k: v**2 for k, v in x.items() if v >= 0x1F}\n",
    "#include <vector>\nint main() {\r\n\tstd::vector<int> v{1,2,3};\r\n\treturn v[0]!=1;\r\n}\r\n",
    '{"name": "get_weather", "arguments": {"city": "Zürich", "days": [1, 2.5, -3e10], "ok": null}}',
    "SELECT COUNT(*) FROM users WHERE id<>42 AND name LIKE '%o''brien%';",
    "<div class=\"a b\" onclick='go(1)'>&nbsp;Text&#x1F600;</div><!-- end -->",
    "for i in $(seq 1 10); do echo \"$i\" | sed 's/^/  /' >> ~/out.txt; done\n\n\n",
    "fn main() -> Result<(), Box<dyn Error>> { println!(\"{:?}\", &a[..]); Ok(()) }",
    "\\frac{d}{dx}\\left(\\int_{0}^{x} f(u)\\,du\\right)=f(x).",
    "https://example.org/a/b?c=d&e=%20f#g user.name+tag@mail.example.co.uk 127.0.0.1:8080",
    "if (a&&b||!c) { x += y<<2; }  // TODO(me): fix\n\t\t\t/* ... */",
]
SPACES = [
    " ", "  ", "    ", "\t", "\n", "\r", "\r\n", "\n\n", "\u00a0", "\u3000", "\u0085", "\u2028", "\u2029", "\u1680",
    "\u2009", "\u202f", "\u205f", "\v", "\f", "\u200b", "\ufeff", "\u180e", "\x1c", "\x1f", " \n", "\n ", "\t ",
]
EMOJI = [
    "😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇯🇵🇺🇸", "1️⃣", "#️⃣", "❤️‍🔥", "🧑🏿‍🚀", "☺️", "✅", "🫠", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "©️", "⌚", "〰️",
]
MARKS = [chr(c) for c in range(0x110000) if unicodedata.combining(chr(c))]
NUMBERS = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) in ("Nd", "Nl", "No")]
DECOMPOSING = [
    chr(c)
    for c in range(0x110000)
    if unicodedata.normalize("NFD", chr(c)) != chr(c) and not 0xAC00 <= c < 0xD7A4
]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'lL", "'D", "'ſ", "’s", "''s", "'"]
WORDS = ["I", "we", "don", "word", "X", "é", "日", "1", "!", "_", "-", "ß", "İ", "ſ", "K", " ", "\n"]
INVALID = [b"\x80", b"\xbf", b"\xc0\xaf", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80",
           b"\xf5", b"\xff", b"\xfe", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xe1\x80", b"\xf8\x88\x80\x80\x80"]


def make(count, seed, specials, pieces):
    """`count` byte strings; `specials` are special tokens' texts, `pieces` other tokens'."""
    chance = random.Random(seed)
    kinds = [
        language, languages_mixed, code, emoji, marks, canonical, hangul, spaces, digits, contractions, random_planes,
        lambda c: words_of(c, pieces), lambda c: around_specials(c, specials), broken_bytes, random_bytes,
    ]
    made = [long_run(chance) for _ in range(min(16, count // 20))]
    while len(made) < count:
        made.append(chance.choice(kinds)(chance))
    return [text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass") for text in made]


def some(chance, items, low, high):
    return "".join(chance.choice(items) for _ in range(chance.randint(low, high)))


def language(chance):
    text = chance.choice(list(SENTENCES.values()))
    start = chance.randrange(len(text))
    return text[start : start + chance.randint(1, 60)]


def languages_mixed(chance):
    return chance.choice(SPACES).join(language(chance) for _ in range(chance.randint(2, 4)))


def code(chance):
    text = chance.choice(CODE) + chance.choice(CODE)
    start = chance.randrange(len(text))
    return text[start : start + chance.randint(1, 120)]


def emoji(chance):
    return some(chance, EMOJI + WORDS + ["\u200d", "\ufe0f", "🏼"], 1, 12)


def marks(chance):
    """Letters under piles of marks, out of canonical order."""
    return "".join(chance.choice(WORDS) + some(chance, MARKS, 0, 6) for _ in range(chance.randint(1, 5)))


def canonical(chance):
    """Characters that decompose, in either form, with marks behind them."""
    out = ""
    for _ in range(chance.randint(1, 8)):
        char = chance.choice(DECOMPOSING)
        out += unicodedata.normalize(chance.choice(["NFC", "NFD"]), char) if chance.random() < 0.7 else char
        out += some(chance, MARKS, 0, 1) if chance.random() < 0.4 else ""
    return out


def hangul(chance):
    jamo = [chr(c) for c in (*range(0x1100, 0x1200), *range(0xA960, 0xA97D), *range(0xD7B0, 0xD7FC))]
    modern = [chr(c) for c in (*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A7, 0x11C3))]
    syllables = [chr(chance.randrange(0xAC00, 0xD7A4)) for _ in range(4)]
    return some(chance, jamo[:64] + modern * 3 + syllables * 10 + [" ", "a"], 1, 20)


def spaces(chance):
    return some(chance, SPACES + SPACES + WORDS, 1, 14)


def digits(chance):
    return some(chance, NUMBERS + list("0123456789") * 40 + WORDS * 4, 1, 20)


def contractions(chance):
    return some(chance, CONTRACTIONS + WORDS, 1, 12)


def random_planes(chance):
    """Code points from anywhere but the surrogates, in small neighbourhoods as texts have them."""
    out = ""
    for _ in range(chance.randint(1, 4)):
        base = chance.choice([chance.randrange(0x3000), chance.randrange(0x20000), chance.randrange(0x110000)])
        for _ in range(chance.randint(1, 6)):
            point = min(0x10FFFF, base + chance.randrange(64))
            out += chr(point) if not 0xD800 <= point < 0xE000 else " "
    return out


def words_of(chance, pieces):
    return some(chance, [chance.choice(pieces) for _ in range(8)], 1, 10)


def around_specials(chance, specials):
    """Special tokens whole, cut, doubled, inside words, beside marks that would join their last letter."""
    out = ""
    for _ in range(chance.randint(1, 6)):
        token = chance.choice(specials)
        cut = chance.randrange(len(token) + 1)
        out += chance.choice([token, token, token[:cut], token[cut:], "<" + token, token + "\u0301", token.upper()])
        out += chance.choice(WORDS + SPACES + ["", ""])
    return out


def broken_bytes(chance):
    parts = [language(chance).encode(), emoji(chance).encode()]
    out = b""
    for _ in range(chance.randint(1, 5)):
        part = chance.choice(parts)
        start = chance.randrange(len(part))
        out += part[start : start + chance.randint(0, 9)] + chance.choice(INVALID)
    return out


def random_bytes(chance):
    return chance.randbytes(chance.randint(1, 40))


def long_run(chance):
    unit = chance.choice(["a", "é", "日", " ", "\n", "\r\n", "1", "!", "ab", "\u0301", "a\u0301", " a", "=", "\t", "한", "👍"])
    return unit * chance.randint(300, 3000) + chance.choice(WORDS)
