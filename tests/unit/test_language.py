"""The language of a post: right in many of them, unmoved by what is of no language, unknown if it must be."""

import csv
import gzip
import io
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ml.language
from flows.sample.phrasebook import LANGUAGES, PHRASES, TOPICS, list_statements
from ml.language import (
    EXTINCT,
    LANGUAGE_COLUMNS,
    MAX_CHARACTERS,
    MEMBER_OF,
    METHOD_VERSION,
    THRESHOLD,
    UNDETERMINED,
    detect_language,
    detect_languages,
    load_identifier,
    strip_noise,
)

PROPERTY = settings(max_examples=150, derandomize=True, deadline=None, database=None)

LINES = {
    "am": "ከሦስት ቀን በፊት ጉንፋን ይዞኛል",
    "ar": "أصبت بالإنفلونزا منذ ثلاثة أيام ولا أستطيع النوم",
    "bg": "От три дни имам грип и не мога да спя",
    "bn": "তিন দিন ধরে আমার জ্বর আর কাশি",
    "ca": "Fa tres dies que tinc la grip i no puc dormir",
    "cs": "Už tři dny mám chřipku a nemůžu spát",
    "da": "Jeg har haft influenza i tre dage og kan ikke sove",
    "de": "Ich habe seit drei Tagen die Grippe und kann nicht schlafen",
    "el": "Έχω γρίπη εδώ και τρεις μέρες και δεν μπορώ να κοιμηθώ",
    "en": "I have had the flu for three days and cannot sleep",
    "es": "Tengo gripe desde hace tres días y no puedo dormir",
    "fa": "سه روز است که آنفولانزا گرفته‌ام و نمی‌توانم بخوابم",
    "fi": "Minulla on ollut flunssa kolme päivää enkä saa nukuttua",
    "fr": "J'ai la grippe depuis trois jours et je n'arrive pas à dormir",
    "he": "יש לי שפעת כבר שלושה ימים ואני לא מצליח לישון",
    "hi": "मुझे तीन दिन से बुखार है और नींद नहीं आती",
    "hu": "Három napja influenzás vagyok és nem tudok aludni",
    "id": "Saya sudah tiga hari terkena flu dan tidak bisa tidur",
    "it": "Ho l'influenza da tre giorni e non riesco a dormire",
    "ja": "三日前からインフルエンザで眠れません",
    "ka": "სამი დღეა გრიპი მაქვს და ვერ ვიძინებ",
    "ko": "사흘째 독감에 걸려서 잠을 못 자고 있어요",
    "nl": "Ik heb al drie dagen griep en kan niet slapen",
    "no": "Jeg har hatt influensa i tre dager og får ikke sove",
    "pl": "Od trzech dni mam grypę i nie mogę spać",
    "pt": "Estou com gripe há três dias e não consigo dormir",
    "ro": "Am gripă de trei zile și nu pot să dorm",
    "ru": "У меня уже три дня грипп, и я не могу спать",
    "sv": "Jag har haft influensa i tre dagar och kan inte sova",
    "sw": "Nimekuwa na homa kwa siku tatu na siwezi kulala",
    "ta": "எனக்கு மூன்று நாட்களாக காய்ச்சல்",
    "th": "เป็นไข้หวัดใหญ่มาสามวันแล้วนอนไม่หลับ",
    "tl": "Tatlong araw na akong may trangkaso at hindi ako makatulog",
    "tr": "Üç gündür grip oldum ve uyuyamıyorum",
    "uk": "У мене вже три дні грип, і я не можу спати",
    "ur": "مجھے تین دن سے بخار ہے اور نیند نہیں آتی",
    "vi": "Tôi bị cúm ba ngày nay và không ngủ được",
    "zh": "我得了流感三天了，晚上睡不着",
}
NOISE = ("@who", "https://t.co/aB3", "www.who.int/flu", "#COVID19", "#grippe_2026", "🤒", "💉💉", "👩🏽‍⚕️", "❤️", "🇺🇳",
         "[email]", "&amp;", "2026", "1", "pic.twitter.com/x1")  # fmt: skip

lines = st.sampled_from(list(LINES.values()))
noises = st.lists(st.sampled_from(NOISE), max_size=5).map(" ".join)
texts = st.one_of(st.text(max_size=60), lines, noises, st.tuples(lines, noises).map(" ".join))


@pytest.mark.parametrize("code", LINES)
def test_a_sentence_is_told(code: str) -> None:
    assert detect_language(LINES[code]).code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("코로나", "ko"), ("ไข้หวัด", "th"), ("インフル", "ja"), ("გრიპი", "ka"), ("שפעת", "he"), ("காய்ச்சல்", "ta")],
)
def test_a_word_is_enough_in_a_script_of_one_language(text: str, code: str) -> None:
    assert detect_language(text).code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("我哋琴日去咗醫院睇醫生，佢話我冇事", "zh"),
        ("Eg har vore sjuk i tre dagar og får ikkje sova, ho har det ikkje betre", "no"),
        ("انا تعبان اوي النهارده ومش عارف انام", "ar"),
    ],
    ids=["cantonese", "nynorsk", "egyptian"],
)
def test_a_dialect_counts_as_its_language(text: str, code: str) -> None:
    assert detect_language(text).code == code


@pytest.mark.parametrize("text", ["lol", "hahaha", "Pfizer BioNTech", "ok", "New York", "vaccine", "zz zz", "flu"])
def test_a_word_or_a_name_of_many_languages_is_left_unknown(text: str) -> None:
    assert detect_language(text).code == UNDETERMINED


@pytest.mark.parametrize("text", [None, "", " \n", "123 456", "?!…", "🤒😷", "@who #flu https://t.co/x", "[name]"])
def test_a_text_without_words_is_unknown_with_no_score(text: str | None) -> None:
    assert detect_language(text) == (UNDETERMINED, 0.0)


def test_a_hashtag_in_a_script_without_spaces_keeps_its_words() -> None:
    assert detect_language("#流感来了大家要小心").code == "zh"
    assert strip_noise("#インフル ＃流感 #flu") == "インフル 流感"


@PROPERTY
@given(line=lines, before=noises, after=noises)
def test_what_is_of_no_language_changes_no_verdict(line: str, before: str, after: str) -> None:
    assert detect_language(f"{before} {line}\n{after}") == detect_language(line)


@PROPERTY
@given(text=texts)
def test_any_text_has_a_known_code_and_a_score_from_0_to_1(text: str) -> None:
    code, score = detect_language(text)
    assert code in {*load_identifier().labels, UNDETERMINED}
    assert code not in {*MEMBER_OF, *EXTINCT}
    assert 0.0 <= score <= 1.0


@PROPERTY
@given(found=st.lists(st.none() | texts, max_size=8), start=st.integers(-5, 5))
def test_a_series_is_told_text_by_text_on_its_own_index(found: list[str | None], start: int) -> None:
    index = pd.RangeIndex(start, start + len(found))
    verdicts = detect_languages(pd.Series(found, index=index, dtype=object))
    assert list(verdicts.columns) == list(LANGUAGE_COLUMNS)
    assert verdicts.index.equals(index)
    assert list(verdicts.itertuples(index=False, name=None)) == [tuple(detect_language(text)) for text in found]


@PROPERTY
@given(found=st.lists(texts | lines, min_size=1, max_size=8))
def test_many_at_once_are_told_as_the_library_tells_each(found: list[str]) -> None:
    for text, (code, score) in zip(found, detect_languages(pd.Series(found)).itertuples(index=False), strict=True):
        words = strip_noise(text)
        its, surely = load_identifier().classify(words) if any(map(str.isalpha, words)) else (UNDETERMINED, 0.0)
        assert score == pytest.approx(min(surely, 1.0), abs=1e-5)
        assert code == (its if score >= THRESHOLD else UNDETERMINED)


def test_a_verdict_is_the_same_to_the_last_bit_whatever_is_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [f"{first} {second}" for first in LINES.values() for second in LINES.values()]
    together = detect_languages(pd.Series(many))
    assert list(together.itertuples(index=False, name=None)) == [tuple(detect_language(text)) for text in many]
    monkeypatch.setattr(ml.language, "AT_ONCE", 7)
    pd.testing.assert_frame_equal(detect_languages(pd.Series(many)), together)


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    german = (LINES["de"] + ". ") * (MAX_CHARACTERS // len(LINES["de"]) + 1)
    beginning = german[:MAX_CHARACTERS]
    assert detect_language(beginning + LINES["fr"] * 30_000) == detect_language(beginning)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sample_is_told(language: str) -> None:
    feelings = PHRASES["languages"][language]["feelings"]
    statements = [statement for topic in TOPICS for statement in set(list_statements(language, topic))]
    written = [
        f"{statement.replace('{p}', 'Lima')} {feelings[place % len(feelings)]}"
        for place, statement in enumerate(statements)
    ]
    verdicts = detect_languages(pd.Series(written))
    assert (verdicts["language"] == language).mean() > 0.9


def test_the_version_names_the_library_and_our_rules() -> None:
    library, _, rules = METHOD_VERSION.partition("+")
    assert library == f"py3langid-{version('py3langid')}"
    assert int(rules) >= 1


ENGLISH = {
    "tweets/gpreda_vaccination_tweets.full11020.csv.gz": "text",
    "tweets/same_schema_tweepy.2021-03-29.1000.csv.gz": "text",
    "sentiment/tweeteval_sentiment_val_text.txt.gz": "",
}
"""Real sets in English → column of the texts; empty: a text per line."""


@pytest.mark.parametrize("name", ENGLISH)
def test_real_posts_in_english_are_told_or_left_unknown(real_data: Path, name: str) -> None:
    content = gzip.decompress((real_data / name).read_bytes()).decode()
    column = ENGLISH[name]
    found = [row[column] for row in csv.DictReader(io.StringIO(content))] if column else content.splitlines()
    codes = detect_languages(pd.Series(found[:2_000]))["language"]
    known = codes[codes != UNDETERMINED]
    assert len(known) > 0.85 * len(codes)
    assert (known == "en").mean() > 0.985
