"""Files in twelve encodings, of our own texts, long and short: .98 of them decode exactly."""

from __future__ import annotations

import pytest

from curate.repair.encoding import decode_text

WESTERN = [
    "Der Bürgermeister erklärte am Dienstag, die Brücke über den Fluß müsse größtenteils erneuert werden.",
    "Während der Bauarbeiten fährt die Straßenbahn nicht; für Fußgänger gibt es eine schmale Öffnung.",
    "Le maire a annoncé que le pont, fermé depuis l'été, serait rouvert à la circulation dès février.",
    "Les travaux ont coûté plus cher que prévu, à cause de l'état des piliers et de la crue du printemps.",
    "El alcalde explicó que el puente volverá a abrirse en otoño, según el último informe técnico.",
    "¿Quién pagará los daños? La compañía de seguros todavía no ha dado ninguna explicación a los vecinos.",
    "O presidente da câmara afirmou que a reconstrução da ponte não estará concluída antes do verão.",
    "Il sindaco ha detto che il ponte, chiuso da più di un anno, riaprirà perché la città ne ha bisogno.",
    "Borgmästaren sade på måndagen att bron över ån blir färdig först nästa år, när isen har smält.",
    "Ordføreren sa på møtet at broen over elva må bygges på nytt før våren, og at det blir dyrt.",
    "De burgemeester zei dat de financiële gevolgen vóór de zomer duidelijk moeten zijn, één voor één.",
    "Pormestarin mukaan silta avataan liikenteelle keväällä, mikäli sää pysyy lämpimänä eikä jää vaurioita rakenteita.",
]
CYRILLIC = [
    "Мэр города сообщил во вторник, что мост через реку придётся строить почти заново.",
    "Пока идут работы, трамваи не ходят, а для пешеходов оставили узкий проход вдоль перил.",
    "Жители соседних улиц просят открыть движение хотя бы по выходным, когда рабочих нет.",
    "По словам инженера, весенний паводок подмыл опоры, и ремонт обойдётся дороже, чем думали.",
]
JAPANESE = [
    "市長は火曜日の記者会見で、川にかかる古い橋をほぼ全面的に架け替える必要があると述べた。",
    "工事のあいだ路面電車は運休となり、歩行者のためには手すり沿いの狭い通路だけが残される。",
    "専門家によると、春の増水で橋脚の土台が削られ、修理費は当初の見積もりを上回るという。",
]
KOREAN = [
    "시장은 화요일 기자회견에서 강 위의 낡은 다리를 거의 전부 새로 지어야 한다고 말했다.",
    "공사가 끝날 때까지 전차는 다니지 않으며 보행자를 위한 좁은 통로만 남겨 두기로 했다.",
    "전문가들은 봄철 홍수로 교각이 약해져 수리 비용이 예상보다 많이 들 것이라고 설명했다.",
]
SIMPLIFIED = [
    "市长在星期二的新闻发布会上表示，跨河的旧桥几乎需要全部重建，工程将持续到明年春天。",
    "施工期间有轨电车停运，只为行人保留一条沿着栏杆的狭窄通道，附近居民对此表示理解。",
    "专家指出，春季的洪水冲刷了桥墩的基础，维修费用将超过原来的预算，市政府正在寻找资金。",
]
TRADITIONAL = [
    "市長在星期二的記者會上表示，跨河的舊橋幾乎需要全部重建，工程將持續到明年春天。",
    "施工期間電車停駛，只為行人保留一條沿著欄杆的狹窄通道，附近居民對此表示理解。",
    "專家指出，春季的洪水沖刷了橋墩的基礎，維修費用將超過原來的預算，市政府正在尋找資金。",
]
EVERYTHING = WESTERN + CYRILLIC + JAPANESE + KOREAN + SIMPLIFIED + TRADITIONAL

FILES = {
    "cp1252": WESTERN,
    "latin-1": WESTERN,
    "cp1251": CYRILLIC,
    "koi8-r": CYRILLIC,
    "shift_jis": JAPANESE,
    "euc-jp": JAPANESE,
    "euc-kr": KOREAN,
    "gb18030": SIMPLIFIED,
    "big5": TRADITIONAL,
    "utf-16": EVERYTHING,
    "utf-16-le": EVERYTHING,
    "utf-16-be": EVERYTHING,
    "utf-8": EVERYTHING,
}


def files(encoding: str) -> list[str]:
    """Each sentence alone, and pages of two, of several paragraphs, and with markup-like English around."""
    texts = FILES[encoding]
    pairs = [one + " " + other for one, other in zip(texts, texts[1:] + texts[:1], strict=True)]
    pages = ["\n\n".join(texts[i:] + texts[:i]) for i in range(3)]
    menus = [f"Home | News | Contact\r\n\r\n{text}\r\n\r\n(c) 2019 Our Paper" for text in pairs]
    return [*texts, *pairs, *pages, *menus]


def right(encoding: str) -> list[bool]:
    return [decode_text(text.encode(encoding)) == text for text in files(encoding)]


@pytest.mark.parametrize("encoding", FILES)
def test_each_encoding(encoding: str) -> None:
    found = right(encoding)
    assert sum(found) >= 0.9 * len(found)


def test_all_encodings() -> None:
    found = [one for encoding in FILES for one in right(encoding)]
    assert sum(found) >= 0.98 * len(found)
