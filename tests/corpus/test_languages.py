"""Languages by any usual name; the name in the parameters is the one that is found."""

import langcodes
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.corpus.languages import Languages, tag_of
from pipeline.errors import CorpusError

ONE_LANGUAGE = [
    ("zh", "cmn", "zh-CN", "Mandarin", "mandarin", "cmn_hans_cn", "zho", "chi", "Mandarin_Chinese", "zh_cn", "中文"),
    ("he", "iw", "Hebrew", "heb", "he_il"),
    ("jv", "jw", "Javanese", "jv_id"),
    ("hi", "hin", "Hindi", "hi_in", "hi-IN", "हिन्दी"),
    ("en", "eng", "English", "en_us", "en-GB", "en-IN"),
    ("sr", "Serbian", "sr_rs"),
    ("no", "nb", "Norwegian", "nb_no"),
    ("fil", "tl", "Filipino", "fil_ph"),
    ("sw", "swh", "Swahili", "sw_ke"),
    ("ar", "arb", "Arabic", "ar_eg"),
    ("fa", "fas", "Persian", "Farsi", "fa_ir"),
    ("pt", "pt_br", "Portuguese"),
]


@pytest.mark.parametrize("names", ONE_LANGUAGE, ids=lambda names: names[0])
def test_every_usual_name_is_that_of_the_parameters(names: tuple[str, ...]) -> None:
    others = [names[0] for names in ONE_LANGUAGE]
    for wanted in names:
        if langcodes.tag_is_valid(wanted) and langcodes.get(wanted).territory:
            continue  # of one region alone, below
        languages = Languages([wanted, *(other for other in others if other not in names)])
        assert {name: languages.find(name) for name in names} == dict.fromkeys(names, wanted)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (
            ("mandarin", "cantonese", "english", "hindi", "urdu", "danish", "norwegian", "spanish", "portuguese"),
            {
                "yue": "cantonese", "yue_hant_hk": "cantonese", "ur": "urdu", "da": "danish", "es": "spanish",
                "pt": "portuguese", "gl": None, "wuu": None, "nn": None, "enc": None,
            },
        ),
        (  # a language whose name begins like another
            ("french", "french_canadian"),
            {"fr-FR": "french", **dict.fromkeys(("fr-CA", "Canadian French"), "french_canadian")},
        ),
        (("french_canadian", "english"), dict.fromkeys(("fr", "french", "fr-FR", "french_"), None)),
        (  # zh and pt are spoken mostly in China and Brazil
            ("zh-CN", "zh-TW", "pt-BR", "pt-PT"),
            {"cmn_hans_cn": "zh-CN", "cmn_hant_tw": "zh-TW", "zh": "zh-CN", "pt": "pt-BR", "pt-PT": "pt-PT"},
        ),
        (  # names that are no language stand for themselves
            ("klingonish", "label_7", "english"),
            {"klingonish": "klingonish", "KLINGONISH": "klingonish", "label_7": "label_7", "label_8": None},
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[0],
)  # fmt: skip
def test_a_name_is_that_of_its_language_alone(wanted: tuple[str, ...], found: dict[str, str | None]) -> None:
    languages = Languages(wanted)
    assert {name: languages.find(name) for name in found} == found


@pytest.mark.parametrize("twice", [("zh", "mandarin"), ("English", "english"), ("iw", "hebrew")])
def test_one_language_under_two_names_is_refused_by_both(twice: tuple[str, str]) -> None:
    with pytest.raises(CorpusError, match=f"names one language twice, '{twice[0]}' and '{twice[1]}'; name it once"):
        Languages(twice)


@given(st.text(max_size=120) | st.sampled_from(["x" * 100_000, "en-" * 60, "\0", "und", "mul", "x-priv", "i-klingon"]))
def test_any_text_is_a_language_or_none(text: str) -> None:
    assert Languages(["english", "zh"]).find(text) in ("english", "zh", None)


CODES = """
ab af am ar as az ba be bg bi bn bo br bs ca ceb cs cy da de el en eo es et eu fa fi fo fr gl gn gu gv ha haw
hi hr ht hu hy ia id is it iw ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc
pa pl ps pt ro ru sa sco sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi war yi yo zh
"""


def test_the_english_name_of_every_language_of_voxlingua_is_its_code() -> None:
    for code in CODES.split():
        name = langcodes.get(code).display_name()  # `en` as a name would be another language
        assert tag_of(name) == tag_of(name.replace(" ", "_").lower()) == tag_of(code), name
