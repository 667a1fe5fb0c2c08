"""Phone numbers, by the national number plans that the phonenumbers library knows (Google's libphonenumber).

A number is taken if it is valid and written with its country code; or valid in one of the regions and either grouped as
the library groups it there, or told to be a phone number by a word before it. Ten digits that are only valid are not
enough: a third of all serial numbers would be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import phonenumbers
from phonenumbers import CountryCodeSource, NumberParseException, PhoneNumber, PhoneNumberFormat

Span = tuple[int, int]

REGIONS: dict[str, str] = {
    "ar": "EG SA AE", "bg": "BG", "bn": "BD IN", "cs": "CZ", "da": "DK", "de": "DE AT CH", "el": "GR CY",
    "en": "US GB AU IN", "es": "ES MX AR", "et": "EE", "fa": "IR", "fi": "FI", "fr": "FR BE CH CA", "he": "IL",
    "hi": "IN", "hr": "HR", "hu": "HU", "id": "ID", "it": "IT CH", "ja": "JP", "ko": "KR", "lt": "LT", "lv": "LV",
    "ms": "MY", "nb": "NO", "nl": "NL BE", "nn": "NO", "no": "NO", "pl": "PL", "pt": "BR PT", "ro": "RO", "ru": "RU",
    "sk": "SK", "sl": "SI", "sr": "RS", "sv": "SE FI", "th": "TH", "tr": "TR", "uk": "UA", "ur": "PK", "vi": "VN",
    "zh": "CN TW HK",
}  # fmt: skip
"""Where a language is spoken by most: the countries whose national numbers its texts may give."""
OTHERWISE = "US GB"

_SHAPE = re.compile(
    r"(?<![\w.,@#$€£%=&/+*-])(?:\+|\(\+)?\(?\d{1,15}(?:(?: ?[-./()\u2010-\u2013]{1,2} ?|[ \u00a0\u202f])\d{1,12}){0,8}"
    r"(?![\w%€$£°]|[.,:]\d)"
)
_PARTS = re.compile(r"\s*/\s*|\s[-\u2010-\u2013]\s")
_GROUPS = re.compile(r"\d+")
_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:[0-2]?\d|3[01])(?!\d)|"
    r"(?:[0-2]?\d|3[01])[-./ ](?:[0-2]?\d|3[01])[-./ ](?:19|20)\d\d(?!\d)|"
    r"(?:19|20)\d\d ?[-/\u2010-\u2013 ] ?(?:19|20)\d\d(?!\d)|(?:19|20)\d{6}(?!\d)"
)
_TOLD = re.compile(
    r"(?:\btele?f|\btelf?\b|\btél|\bphone|\bcall|\bfax|\bmob[ií]l|\bmóvil|\bcell|\bcelular|\bhandy|whatsapp|\bsms\b|hotline|"
    r"\bdial|\bring|\btext|\banruf|\bruf|\bappele|\bcontact|\bllam|\bchiama|\bligue|\bbel\b|\bbellen|\bpuh|\bgsm\b|\bzadzwoń|"
    r"\bтел|\bзвон|\bмоб|\bфакс|电话|電話|手机|手機|电邮|传真|전화|휴대|هاتف|تلفن|फ़ोन|फोन|टेलीफ|โทร|טלפון|τηλ|☎|☏|📞|📱)[^\d\n]{0,25}$",
    re.I,
)
_TOLD_OTHERWISE = re.compile(
    r"\b(?:isbn(?:-1[03])?|issn|imei|ean|upc|sku|asin|doi|pmid|orders?|bestell\w*|invoices?|rechnung\w*|account|konto\w*|serial|"
    r"ref(?:erence)?|tracking|patent|ticket|case|docket|vat|id|nr|no|número|номер|№|code|vol|pp?)\b[^\d\n]{0,12}$",
    re.I,
)


def phones(text: str, at: int, regions: Iterable[str]) -> Iterator[Span]:
    """Where phone numbers stand around the digit at `at`, those without a country code in one of the regions."""
    match = next((found for found in _SHAPE.finditer(text) if found.start() <= at < found.end()), None)
    if not match:
        return
    start, end = match.span()
    start += match[0].startswith("(") and match[0].count("(") > match[0].count(")")  # one that holds more than this
    before = text[max(start - 40, 0) : start]
    if _DATE.match(text, start) or _TOLD_OTHERWISE.search(before):
        return
    told = _TOLD.search(before) is not None
    if is_phone(text[start:end], regions, told):
        yield start, end
    else:
        yield from (part for part in _parts(text, start, end) if is_phone(text[slice(*part)], regions, told))


def _parts(text: str, start: int, end: int) -> Iterator[Span]:
    """Where the numbers stand in a run of digits that may be several numbers."""
    cuts = [cut.span() for cut in _PARTS.finditer(text, start, end)]
    if cuts:
        yield from zip([start, *(last for _, last in cuts)], [*(first for first, _ in cuts), end], strict=True)


def is_phone(written: str, regions: Iterable[str], told: bool = False) -> bool:
    """Whether this is a phone number; `told` if a word before it says so.

    >>> is_phone("+44 20 7946 0958", ["GB"]), is_phone("978-3-16-148410-0", ["GB"])
    (True, False)
    """
    if len(_GROUPS.sub("", written)) == len(written) or not 7 <= sum(map(str.isdigit, written)) <= 17:
        return False
    if "+" in written:
        number = _parsed(written, None)
        return number is not None and phonenumbers.is_valid_number(number)
    groups = _GROUPS.findall(written)
    return (told or len(groups) > 1) and any(_is_national(written, groups, region, told) for region in regions)


def _is_national(written: str, groups: list[str], region: str, told: bool) -> bool:
    number = _parsed(written, region)
    if number is None:
        return False
    if number.country_code_source == CountryCodeSource.FROM_NUMBER_WITH_IDD:
        return phonenumbers.is_valid_number(number)
    return phonenumbers.is_valid_number_for_region(number, region) and (told or groups in _as_grouped(number))


def _as_grouped(number: PhoneNumber) -> list[list[str]]:
    """The groups of digits in which a number is written in its country: with and without what stands for the trunk."""
    national = _GROUPS.findall(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
    bare = _GROUPS.findall(phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL))[1:]
    return [national, bare, [str(number.country_code), *bare]]


def _parsed(written: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(written, region, keep_raw_input=True)
    except NumberParseException:
        return None


def check_region(region: str) -> str:
    """The region. Raises ValueError where it is no ISO 3166 code of a country with phones."""
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"{region!r} is no country; two capital letters, such as US")
    return region
