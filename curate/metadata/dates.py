"""Dates as pages write them, in many formats and languages, to ISO 8601.

Expressions over string columns: one regular expression a format, a table of month names (CLDR's wide and abbreviated
forms, nominative and genitive, of the languages below). Relative times ("11 minutes ago") are no dates and never match;
neither do impossible ones (31 February).
"""

from __future__ import annotations

from functools import cache

import polars as pl

_MONTHS = {
    1: "january jan januar jänner januari januari janvier janv enero ene gennaio gen janeiro ianuarie ian stycznia "
    "styczeń sty ledna ledena января январь янв січня січень ocak oca ιανουαρίου ιανουάριος ιαν "
    "tammikuuta tammikuu jaanuar sausio janvāris يناير کانون जनवरी januára siječnja януари",
    2: "february feb februar feber februari février févr fév febrero febbraio febr fevereiro fev februarie lutego luty "
    "lut února únor február februára февраля февраль фев лютого лютий şubat şub φεβρουαρίου φεβρουάριος φεβ "
    "helmikuuta helmikuu veebruar vasario februāris فبراير फरवरी फ़रवरी veljače февруари",
    3: "march mar märz mrz maart mrt mars marzo março martie marca marzec března březen března március марта март "
    "березня березень mart μαρτίου μάρτιος μαρ maaliskuuta maaliskuu märts kovo marts مارس मार्च ožujka maret",
    4: "april apr avril avr abril abr aprile aprilie kwietnia kwiecień kwi dubna duben április апреля апрель апр "
    "квітня квітень nisan nis απριλίου απρίλιος απρ huhtikuuta huhtikuu aprill balandžio aprīlis أبريل ابريل अप्रैल "
    "travnja април",
    5: "may mai mei maj mayo maggio mag maio mai maja května květen május мая май травня травень mayıs μαΐου μάιος μαϊ "
    "toukokuuta toukokuu gegužės maijs مايو मई svibnja mei mayis",
    6: "june jun juni juin junio giugno giu junho iunie iun czerwca czerwiec cze června červen június июня июнь июн "
    "червня червень haziran haz ιουνίου ιούνιος ιουν kesäkuuta kesäkuu juuni birželio jūnijs يونيو जून lipnja юни",
    7: "july jul juli juillet juil julio luglio lug julho iulie iul lipca lipiec lip července červenec július июля "
    "июль июл липня липень temmuz tem ιουλίου ιούλιος ιουλ heinäkuuta heinäkuu juuli liepos jūlijs يوليو जुलाई srpnja "
    "юли",
    8: "august aug augusti août agosto ago augustus sierpnia sierpień sie srpna srpen augusztus августа август "
    "авг серпня серпень ağustos ağu αυγούστου αύγουστος αυγ elokuuta elokuu rugpjūčio augusts أغسطس अगस्त agustus "
    "kolovoza",
    9: "september sep sept septembre septiembre settembre set setembro septembrie września wrzesień wrz září "
    "szeptember сентября сентябрь сен сент вересня вересень eylül eyl σεπτεμβρίου σεπτέμβριος σεπ syyskuuta syyskuu "
    "rugsėjo septembris سبتمبر सितंबर सितम्बर rujna септември",
    10: "october oct oktober okt octobre octubre ottobre ott outubro out octombrie października październik paź "
    "října říjen október октября октябрь окт жовтня жовтень ekim eki οκτωβρίου οκτώβριος οκτ lokakuuta lokakuu "
    "oktoober spalio oktobris أكتوبر अक्टूबर अक्तूबर oktobra октомври",
    11: "november nov novembre noviembre novembro noiembrie listopadu listopada listopad lis ноября ноябрь ноя "
    "листопада листопад kasım kas νοεμβρίου νοέμβριος νοε marraskuuta marraskuu lapkričio novembris نوفمبر नवंबर "
    "नवम्बर studenoga ноември",
    12: "december dec dezember dez décembre déc diciembre dic dicembre dezembro decembrie grudnia grudzień gru "
    "prosince prosinec декабря декабрь дек грудня грудень aralık ara δεκεμβρίου δεκέμβριος δεκ joulukuuta joulukuu "
    "detsember gruodžio decembris ديسمبر दिसंबर दिसम्बर desember des prosinca декември",
}
_NUMBER = {name: str(month) for month, names in _MONTHS.items() for name in names.split()}
_NAME = "(?:" + "|".join(sorted(_NUMBER, key=lambda name: (-len(name), name))).replace(".", r"\.") + ")"
_YEAR = r"(?P<y>(?:19|20)\d\d)"
_DAY = r"(?P<d>[0-3]?\d)"
_MONTH = rf"(?P<m>{_NAME})"
_START = r"(?:^|[^\d.,/:-])"

_FORMATS = (
    rf"{_START}{_YEAR}\s?[-/.年년]\s?(?P<m>[01]?\d)\s?[-/.月월]\s?{_DAY}(?:\D|$)",
    rf"{_START}{_YEAR}(?P<m>[01]\d)(?P<d>[0-3]\d)(?:\D|$)",
    rf"{_MONTH}\.?\s{{0,2}}{_DAY}(?:st|nd|rd|th)?(?:,\s?|\s){_YEAR}",
    rf"{_START}{_DAY}(?:st|nd|rd|th|er|\.|º|ος|η)?[\s.\-/,]{{0,2}}(?:de |of |d')?{_MONTH}"
    rf"[.,]?[\s\-/]{{0,2}}(?:de |del )?{_YEAR}",
    rf"{_START}{_YEAR}[.,]?[\s-]{{1,2}}{_MONTH}\.?[\s-]{{0,2}}{_DAY}(?:\D|$)",
    rf"{_START}{_DAY}[.]\s?(?P<m>[01]?\d)[.]\s?{_YEAR}",
)
_SLASHED = rf"{_START}(?P<a>[0-3]?\d)[/-](?P<b>[0-3]?\d)[/-]{_YEAR}"
_SHORT = rf"{_START}{_DAY}\.(?P<m>[01]\d)\.(?P<y>\d\d)(?:\D|$)"

_DIGITS = {chr(zero + n): str(n) for zero in (0x0660, 0x06F0, 0x0966, 0x09E6, 0xFF10) for n in range(10)}

YEAR = rf"(?:19|20)\d\d|\.[01]\d\.\d\d|[{''.join(_DIGITS)}]"
"""What every date has; digits that are not ASCII may be one."""


def find(text: pl.Expr, month_first: pl.Expr | None = None) -> pl.Expr:
    """The first date in a text as `2019-11-22`, null where there is none. 3/4/2019 is in March where `month_first`."""
    folded = text.str.to_lowercase().str.replace_many(_DIGITS)
    found = [_iso(folded.str.extract_groups(pattern)) for pattern in _FORMATS]
    first = pl.lit(False) if month_first is None else month_first
    return pl.coalesce(*found, _slashed(folded, first), _iso(folded.str.extract_groups(_SHORT), century="20"))


def _iso(groups: pl.Expr, century: str = "") -> pl.Expr:
    month = groups.struct.field("m")
    number = month.replace_strict(*_numbers(), default=month)
    year = pl.lit(century) + groups.struct.field("y")
    return _checked(year, number, groups.struct.field("d"))


@cache
def _numbers() -> tuple[pl.Series, pl.Series]:
    """Names of months, and their numbers."""
    return pl.Series(list(_NUMBER)), pl.Series(list(_NUMBER.values()))


def _slashed(folded: pl.Expr, month_first: pl.Expr) -> pl.Expr:
    groups = folded.str.extract_groups(_SLASHED)
    a, b = groups.struct.field("a"), groups.struct.field("b")
    too_late = [part.cast(pl.Int32, strict=False) > 12 for part in (a, b)]
    swap = pl.when(too_late[1]).then(True).when(too_late[0]).then(False).otherwise(month_first)
    month, day = pl.when(swap).then(a).otherwise(b), pl.when(swap).then(b).otherwise(a)
    return _checked(groups.struct.field("y"), month, day)


def _checked(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    date = pl.concat_str(year, month.str.zfill(2), day.str.zfill(2), separator="-")
    return date.str.to_date("%Y-%m-%d", strict=False).dt.to_string("iso")
