"""Language codes: one table for all detectors, config values and the `language` column.

A code is ISO 639-1 where that has one, ISO 639-3 otherwise; `und` is a text whose language is not told. Where a
detector tells scripts apart and readers care, the script follows as in BCP 47: `zh-Hans`, `zh-Hant`. A code without a
script stands for all of them. Norwegian is `no` (Bokmål; Nynorsk, where a detector knows it, `nn`).

Source: ISO 639 tables, 2025.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Annotated

from pydantic import AfterValidator

UNKNOWN = "und"

_TABLE = """
aa aar Afar; ab abk Abkhazian; ae ave Avestan; af afr Afrikaans; ak aka Akan; am amh Amharic; an arg Aragonese;
ar ara Arabic; as asm Assamese; av ava Avaric; ay aym Aymara; az aze Azerbaijani; ba bak Bashkir;
be bel Belarusian; bg bul Bulgarian; bi bis Bislama; bm bam Bambara; bn ben Bengali; bo bod Tibetan; br bre Breton;
bs bos Bosnian; ca cat Catalan; ce che Chechen; ch cha Chamorro; co cos Corsican; cr cre Cree; cs ces Czech;
cu chu Church Slavic; cv chv Chuvash; cy cym Welsh; da dan Danish; de deu German; dv div Divehi; dz dzo Dzongkha;
ee ewe Ewe; el ell Modern Greek; en eng English; eo epo Esperanto; es spa Spanish; et est Estonian; eu eus Basque;
fa fas Persian; ff ful Fulah; fi fin Finnish; fj fij Fijian; fo fao Faroese; fr fra French; fy fry Western Frisian;
ga gle Irish; gd gla Scottish Gaelic; gl glg Galician; gn grn Guarani; gu guj Gujarati; gv glv Manx; ha hau Hausa;
he heb Hebrew; hi hin Hindi; ho hmo Hiri Motu; hr hrv Croatian; ht hat Haitian; hu hun Hungarian; hy hye Armenian;
hz her Herero; ia ina Interlingua; id ind Indonesian; ie ile Interlingue; ig ibo Igbo; ii iii Sichuan Yi;
ik ipk Inupiaq; io ido Ido; is isl Icelandic; it ita Italian; iu iku Inuktitut; ja jpn Japanese; jv jav Javanese;
ka kat Georgian; kg kon Kongo; ki kik Kikuyu; kj kua Kuanyama; kk kaz Kazakh; kl kal Kalaallisut; km khm Khmer;
kn kan Kannada; ko kor Korean; kr kau Kanuri; ks kas Kashmiri; ku kur Kurdish; kv kom Komi; kw cor Cornish;
ky kir Kirghiz; la lat Latin; lb ltz Luxembourgish; lg lug Ganda; li lim Limburgan; ln lin Lingala; lo lao Lao;
lt lit Lithuanian; lu lub Luba-Katanga; lv lav Latvian; mg mlg Malagasy; mh mah Marshallese; mi mri Maori;
mk mkd Macedonian; ml mal Malayalam; mn mon Mongolian; mr mar Marathi; ms msa Malay; mt mlt Maltese;
my mya Burmese; na nau Nauru; nb nob Norwegian Bokmål; nd nde North Ndebele; ne nep Nepali; ng ndo Ndonga;
nl nld Dutch; nn nno Norwegian Nynorsk; no nor Norwegian; nr nbl South Ndebele; nv nav Navajo; ny nya Chichewa;
oc oci Occitan; oj oji Ojibwa; om orm Oromo; or ori Oriya; os oss Ossetian; pa pan Panjabi; pi pli Pali;
pl pol Polish; ps pus Pushto; pt por Portuguese; qu que Quechua; rm roh Romansh; rn run Rundi; ro ron Romanian;
ru rus Russian; rw kin Kinyarwanda; sa san Sanskrit; sc srd Sardinian; sd snd Sindhi; se sme Northern Sami;
sg sag Sango; si sin Sinhala; sk slk Slovak; sl slv Slovenian; sm smo Samoan; sn sna Shona; so som Somali;
sq sqi Albanian; sr srp Serbian; ss ssw Swati; st sot Southern Sotho; su sun Sundanese; sv swe Swedish;
sw swa Swahili; ta tam Tamil; te tel Telugu; tg tgk Tajik; th tha Thai; ti tir Tigrinya; tk tuk Turkmen;
tl tgl Tagalog; tn tsn Tswana; to ton Tonga; tr tur Turkish; ts tso Tsonga; tt tat Tatar; tw twi Twi;
ty tah Tahitian; ug uig Uighur; uk ukr Ukrainian; ur urd Urdu; uz uzb Uzbek; ve ven Venda; vi vie Vietnamese;
vo vol Volapük; wa wln Walloon; wo wol Wolof; xh xho Xhosa; yi yid Yiddish; yo yor Yoruba; za zha Zhuang;
zh zho Chinese; zu zul Zulu
"""
_ROWS = [row.split(maxsplit=2) for row in _TABLE.replace("\n", " ").split(";")]
NAMES = {two: name for two, _, name in _ROWS}
"""English name of each ISO 639-1 code."""
_CODES = {three: two for two, three, _ in _ROWS}
_SAME = {
    "cmn": "zh", "iw": "he", "ji": "yi", "in": "id", "jw": "jv", "mo": "ro", "nb": "no", "nob": "no", "nor": "no",
    "fil": "tl", "arb": "ar", "azj": "az", "ekk": "et", "khk": "mn", "lvs": "lv", "npi": "ne", "ory": "or", "pes": "fa",
    "plt": "mg", "swh": "sw", "uzn": "uz", "ydd": "yi", "zsm": "ms", "als": "sq", "un": "und", "unknown": "und",
}  # fmt: skip
"""Retired codes and the single members of macrolanguages that detectors name instead of them."""
_SCRIPTS = {"cn": "Hans", "tw": "Hant", "hans": "Hans", "hant": "Hant"}
_STANDARDS = {"nn": "no"}

_LANGDETECT = """
af ar bg bn ca cs cy da de el en es et fa fi fr gu he hi hr hu id it ja kn ko lt lv mk ml mr ne nl no pa pl pt ro ru sk
sl so sq sv sw ta te th tl tr uk ur vi zh zh-Hans zh-Hant
"""
LANGDETECT = frozenset(_LANGDETECT.split())
"""What langdetect 1.0.9 can answer, and `zh` for both scripts."""


@cache
def code(label: str) -> str:
    """The table's code for a detector's or user's label: `zh-cn`, `eng_Latn`, `__label__en`, `nb`.

    >>> code("zh-cn"), code("pt_BR")
    ('zh-Hans', 'pt')
    """
    language, *rest = label.removeprefix("__label__").replace("_", "-").split("-")
    language = language.lower()
    language = _SAME.get(language) or _CODES.get(language, language)
    scripts = [_SCRIPTS[part.lower()] for part in rest if language == "zh" and part.lower() in _SCRIPTS]
    return "-".join([language, *scripts[:1]])


def base(label: str) -> str:
    """A code without its script.

    >>> base("pt-BR")
    'pt'
    """
    return label.partition("-")[0]


def _known(label: str) -> str:
    found = code(label)
    if base(found) in NAMES or (len(base(found)) == 3 and base(found).isalpha()):
        return found
    close = difflib.get_close_matches(label.lower(), [*NAMES, *(name.lower() for name in NAMES.values())], 1)
    names = {name.lower(): two for two, name in NAMES.items()}
    hint = f"; did you mean '{names.get(close[0], close[0])}'?" if close else ""
    raise ValueError(f"'{label}' is no ISO 639 code{hint}")


Language = Annotated[str, AfterValidator(_known)]
"""A language in the config: any label `code` understands."""


def matches(wanted: Iterable[str], available: Iterable[str]) -> set[str]:
    """The codes of `available` that `wanted` asks for: `zh` asks for every script of Chinese."""
    asked = set(wanted)
    return {found for found in available if found in asked or base(found) in asked}


def same_language(one: str, other: str) -> bool:
    """Whether two codes name one language, scripts and written standards of Norwegian aside."""
    return _STANDARDS.get(base(one), base(one)) == _STANDARDS.get(base(other), base(other))
