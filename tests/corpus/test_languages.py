"""Languages by any usual name; the name in the parameters is the one that is found."""

import langcodes
import pytest
from hypothesis import example, given
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


def test_languages_that_are_not_the_same_are_not() -> None:
    wanted = ["mandarin", "cantonese", "english", "hindi", "urdu", "danish", "norwegian", "spanish", "portuguese"]
    languages = Languages(wanted)
    found = {
        name: languages.find(name) for name in ("yue", "yue_hant_hk", "ur", "da", "es", "pt", "gl", "wuu", "nn", "enc")
    }
    assert found == {
        "yue": "cantonese", "yue_hant_hk": "cantonese", "ur": "urdu", "da": "danish", "es": "spanish",
        "pt": "portuguese", "gl": None, "wuu": None, "nn": None, "enc": None,
    }  # fmt: skip


def test_a_language_whose_name_begins_like_another_is_never_confused_with_it() -> None:
    both = Languages(["french", "french_canadian"])
    assert [both.find(name) for name in ("fr", "French", "fr-FR", "fr-CA", "Canadian French")] == [
        "french", "french", "french", "french_canadian", "french_canadian",
    ]  # fmt: skip
    regional = Languages(["french_canadian", "english"])
    assert [regional.find(name) for name in ("fr", "french", "fr-FR", "french_", "fr-CA")] == [None] * 4 + [
        "french_canadian"
    ]


def test_regions_of_one_language_are_told_apart() -> None:
    languages = Languages(["zh-CN", "zh-TW", "pt-BR", "pt-PT"])
    found = [languages.find(name) for name in ("cmn_hans_cn", "cmn_hant_tw", "zh", "pt_br", "pt", "pt-PT")]
    assert found == ["zh-CN", "zh-TW", "zh-CN", "pt-BR", "pt-BR", "pt-PT"]  # zh and pt: where they are mostly spoken


def test_a_code_is_read_before_a_name() -> None:
    assert tag_of("en") == "en"
    assert langcodes.find("en").language != "en"


def test_names_that_are_no_language_stand_for_themselves() -> None:
    languages = Languages(["klingonish", "label_7", "english"])
    assert [languages.find(name) for name in ("klingonish", "KLINGONISH", "label_7", "label_8")] == [
        "klingonish", "klingonish", "label_7", None,
    ]  # fmt: skip


@pytest.mark.parametrize("twice", [("zh", "mandarin"), ("English", "english"), ("iw", "hebrew")])
def test_one_language_under_two_names_is_refused_by_both(twice: tuple[str, str]) -> None:
    with pytest.raises(CorpusError, match=f"names one language twice, '{twice[0]}' and '{twice[1]}'; name it once"):
        Languages(twice)


@given(st.text(max_size=120))
@example("x" * 100_000)
@example("en-" * 60)
@example("\0")
@example("und")
@example("mul")
@example("x-private")
@example("i-klingon")
def test_any_text_is_a_language_or_none(text: str) -> None:
    assert Languages(["english", "zh"]).find(text) in ("english", "zh", None)


CODES = """
ab af am ar as az ba be bg bi bn bo br bs ca ceb cs cy da de el en eo es et eu fa fi fo fr gl gn gu gv ha haw
hi hr ht hu hy ia id is it iw ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc
pa pl ps pt ro ru sa sco sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi war yi yo zh
"""


@pytest.mark.parametrize("code", CODES.split())
def test_the_english_name_of_every_language_of_voxlingua_is_its_code(code: str) -> None:
    name = langcodes.get(code).display_name()
    assert tag_of(name) == tag_of(name.replace(" ", "_").lower()) == tag_of(code), name
