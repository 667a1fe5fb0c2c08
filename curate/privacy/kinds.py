"""What is personal data: each function takes a piece of text around a candidate and returns where it stands, or None.

E-mail addresses by form; IP addresses by the ranges that are public (Python's ipaddress); IBANs by the length of their
country (ISO 13616 registry) and modulo 97 (ISO 7064); cards by the ranges of their network and Luhn's checksum
(ISO 7812). Versions, which look like addresses, are told apart by the words before them. Phone numbers: see `phones`.
"""

from __future__ import annotations

import ipaddress
import re

Span = tuple[int, int]

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9\u00c0-\u024f_.%+@-])[A-Za-z0-9\u00c0-\u024f][A-Za-z0-9\u00c0-\u024f._%+'-]{0,63}@"
    r"(?:[A-Za-z0-9\u00c0-\u024f](?:[A-Za-z0-9\u00c0-\u024f-]{0,61}[A-Za-z0-9\u00c0-\u024f])?\.){1,8}"
    r"(xn--[A-Za-z0-9-]{2,59}|[A-Za-z]{2,24})(?![A-Za-z0-9_@-])"
)
_IS_FILE = re.compile(r"(?i)png|jpe?g|gif|svg|webp|avif|bmp|ico|pdf|css|[jt]s|json|html?|php|txt|zip")

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d|-\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}(?::{1,2}[0-9A-Fa-f]{1,4}){1,7}(?:::)?(?![\w:])")
_IPV6_IN_USE = ipaddress.ip_network("2000::/3")
_COUNTED = re.compile(
    r"(?:\bv|\bver|versions?|release[sd]?|build|firmware|kernel|driver|update[sd]?|patch|"
    r"upgraded? (?:to|from)|sections?|chapters?|clauses?|articles?|annex|figures?|tables?|appendix|§+|№|\bno|"
    r"paragraphs?|oid)"
    r"[.:]? ?(?:(?:to|from|and|or|is|was|see) )?v?\.?$",
    re.I,
)
_NETWORK = re.compile(r"\b(?:ips?|dns|servers?|hosts?|address(?:es)?|adressen?|ping|ports?|routers?|gateway)\b", re.I)
_PORT = re.compile(r":\d{2,5}\b|/\d{1,2}\b")

_CARD = re.compile(
    r"(?<![\w.,-])\d{4}(?:[ -]?\d{4}){3}(?:[ -]?\d{3})?(?![\w-]|[.,]\d)|(?<![\w.,-])\d{13,19}(?![\w-]|[.,]\d)|"
    r"(?<![\w.,-])3\d{3}[ -]\d{6}[ -]\d{4,5}(?![\w-]|[.,]\d)"
)
_NETWORKS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|"
    r"3(?:0[0-5]|[689]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12,15}|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|62\d{14,17}|"
    r"(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{12,15}"
)
"""Visa, Mastercard (two ranges), American Express, Diners Club, JCB, Discover, UnionPay, Maestro."""

_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC",
        32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def email(text: str, at: int) -> Span | None:
    """The e-mail address around the @ at `at`. A name of a file, such as `icon@2x.png`, is none.

    >>> email("Write to ann@example.org.", 12)
    (9, 24)
    """
    for match in _EMAIL.finditer(text):
        if match.start() < at < match.end():
            return None if _IS_FILE.fullmatch(match[1]) else match.span()
    return None


def ipv4(text: str, at: int) -> Span | None:
    """The public IPv4 address around `at`; small numbers are a version unless something speaks for an address.

    >>> ipv4("at 8.8.8.8 now", 3)
    (3, 10)
    """
    match = _around(_IPV4, text, at)
    if not match or not _is_public(match[0]) or _COUNTED.search(text[: match.start()]):
        return None
    parts = [int(part) for part in match[0].split(".")]
    if max(parts[:3]) >= 20 or len(set(parts)) == 1 or _PORT.match(text, match.end()):
        return match.span()
    near = text[max(match.start() - 40, 0) : match.end() + 20]
    return match.span() if _NETWORK.search(near) else None


def ipv6(text: str, at: int) -> Span | None:
    """The public IPv6 address around `at`."""
    match = _around(_IPV6, text, at)
    return match.span() if match and _is_public(match[0]) else None


def card(text: str, at: int) -> Span | None:
    """The card number around `at`.

    >>> card("4111 1111 1111 1111", 0)
    (0, 19)
    """
    match = _around(_CARD, text, at)
    if not match:
        return None
    number = re.sub("[ -]", "", match[0])
    return match.span() if _NETWORKS.fullmatch(number) and _luhn(number) else None


def iban(text: str, at: int) -> Span | None:
    """The IBAN that begins at `at`.

    >>> iban("GB82 WEST 1234 5698 7654 32", 0)
    (0, 27)
    """
    match = _IBAN.match(text, at)
    length = _IBAN_LENGTHS.get(text[at : at + 2])
    if not match or not length:
        return None
    end, seen = at, 0
    while end < match.end() and seen < length:
        seen += text[end] != " "
        end += 1
    number = text[at:end].replace(" ", "")
    whole = seen == length and not text[end : end + 1].isalnum()
    return (at, end) if whole and int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 == 1 else None


def _around(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str] | None:
    return next((match for match in pattern.finditer(text) if match.start() <= at < match.end()), None)


def _is_public(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return parsed.is_global and not parsed.is_multicast and (parsed.version == 4 or parsed in _IPV6_IN_USE)


def _luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0
