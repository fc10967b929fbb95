"""Vocabulary: the languages, the diseases, and what each disease is called in each language.

Topic 0 is chatter that mentions no disease; topic `i` is the `i`-th disease.
"""

LANGUAGES = ("en", "es", "pt", "fr", "de", "sw", "hi", "ar", "id", "ja")
"""ISO 639-1 codes; a language's number in the generator is its position here."""

_TERMS = """
influenza|flu/influenza|gripe|gripe/influenza|grippe|Grippe/Influenza|influenza|फ्लू/इन्फ्लूएंजा|الإنفلونزا|influenza|インフルエンザ
covid-19|covid/covid-19|covid|covid/covid-19|covid|Corona/Covid|UVIKO-19/korona|कोविड/कोरोना|كوفيد/كورونا|covid|コロナ
common cold|common cold|resfriado|resfriado|rhume|Erkältung|mafua|ज़ुकाम|الزكام|pilek|風邪
dengue|dengue|dengue|dengue|dengue|Dengue|dengi|डेंगू|حمى الضنك|demam berdarah/DBD|デング熱
measles|measles|sarampión|sarampo|rougeole|Masern|surua|खसरा|الحصبة|campak|麻疹/はしか
cholera|cholera|cólera|cólera|choléra|Cholera|kipindupindu|हैजा|الكوليرا|kolera|コレラ
malaria|malaria|malaria|malária|paludisme|Malaria|malaria|मलेरिया|الملاريا|malaria|マラリア
mpox|mpox|mpox|mpox|mpox|Mpox|mpox|एमपॉक्स|جدري القردة|mpox|エムポックス
ebola|ebola|ébola|ebola|Ebola|Ebola|ebola|इबोला|إيبولا|ebola|エボラ
"""

_SHARES = {
    "chatter": 0.30,
    "influenza": 0.18,
    "covid-19": 0.17,
    "common cold": 0.09,
    "dengue": 0.06,
    "measles": 0.06,
    "cholera": 0.04,
    "malaria": 0.04,
    "mpox": 0.04,
    "ebola": 0.02,
}
_TROPICAL_FACTORS = {"dengue": 2.5, "cholera": 3.0, "malaria": 3.0, "ebola": 2.0}

TAGS = {
    "en": "health news staysafe PublicHealth today",
    "es": "salud noticias hoy cuidate SaludPública",
    "pt": "saúde notícias hoje cuidese SaúdePública",
    "fr": "santé actu aujourdhui SantéPublique prudence",
    "de": "Gesundheit Nachrichten heute Vorsicht bleibtgesund",
    "sw": "afya habari leo AfyaYaJamii tahadhari",
    "hi": "स्वास्थ्य समाचार आज सावधान सेहत",
    "ar": "صحة أخبار اليوم الصحة_العامة وقاية",
    "id": "kesehatan berita hariini waspada sehat",
    "ja": "健康 ニュース 今日 注意 公衆衛生",
}
"""General hashtags per language; none of them names a disease."""


def parse_terms(table: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Read the table of names: disease, then its names in the order of `LANGUAGES`.

    >>> parse_terms("plague|plague/pest|peste|peste|peste|Pest|tauni|प्लेग|الطاعون|pes|ペスト")["plague"]["en"]
    ('plague', 'pest')
    """
    rows = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    return {
        disease: {code: tuple(cell.split("/")) for code, cell in zip(LANGUAGES, cells, strict=True)}
        for disease, *cells in rows
    }


TERMS = parse_terms(_TERMS)
DISEASES = tuple(TERMS)
TOPICS = ("chatter", *DISEASES)


def share_topics(*, is_tropical: bool) -> list[float]:
    """Share of each topic in the background of a place, in the order of `TOPICS`; the shares sum to 1.

    >>> cholera = TOPICS.index("cholera")
    >>> share_topics(is_tropical=True)[cholera] > 2 * share_topics(is_tropical=False)[cholera]
    True
    """
    weights = [_SHARES[topic] * (_TROPICAL_FACTORS.get(topic, 1.0) if is_tropical else 1.0) for topic in TOPICS]
    return [weight / sum(weights) for weight in weights]


def list_terms(disease: str) -> tuple[str, ...]:
    """All names of a disease in all languages, case-folded, each once.

    >>> list_terms("mpox")
    ('mpox', 'एमपॉक्स', 'جدري القردة', 'エムポックス')
    """
    return tuple(dict.fromkeys(term.casefold() for names in TERMS[disease].values() for term in names))
