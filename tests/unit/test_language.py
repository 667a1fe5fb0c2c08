"""Stage language: langdetect's answers, `und` where there is no language, and what is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from pydantic import ValidationError

import curate
from curate.document import undecided
from curate.langid import detectors, gates
from curate.langid.gates import MAX_CHARACTERS
from curate.langid.languages import LANGDETECT, code, matches
from curate.stages.language import Config, apply, detect

TEXTS = {
    "ar": "قال رئيس البلدية إن الجسر الجديد فوق النهر سيفتح أمام حركة المرور في شهر مارس القادم.",
    "bg": "Кметът заяви, че новият мост над реката ще бъде отворен за движение през март.",
    "cs": "Starosta řekl, že nový most přes řeku bude pro dopravu otevřen v březnu příštího roku.",
    "de": "Der Bürgermeister sagte, die neue Brücke über den Fluss werde im März für den Verkehr geöffnet.",
    "el": "Ο δήμαρχος είπε ότι η νέα γέφυρα πάνω από το ποτάμι θα ανοίξει για την κυκλοφορία τον Μάρτιο.",
    "en": "The mayor said that the new bridge over the river would be opened to traffic next March.",
    "es": "El alcalde dijo que el nuevo puente sobre el río se abrirá al tráfico el próximo mes de marzo.",
    "fa": "شهردار گفت که پل جدید روی رودخانه در ماه مارس آینده به روی خودروها باز خواهد شد.",
    "fi": "Pormestari kertoi, että uusi silta joen yli avataan liikenteelle ensi vuoden maaliskuussa.",
    "fr": "Le maire a déclaré que le nouveau pont sur la rivière serait ouvert à la circulation en mars prochain.",
    "hi": "महापौर ने कहा कि नदी पर बना नया पुल अगले वर्ष मार्च में यातायात के लिए खोल दिया जाएगा।",
    "it": "Il sindaco ha detto che il nuovo ponte sul fiume sarà aperto al traffico nel marzo prossimo.",
    "ja": "市長は、川にかかる新しい橋が来年の三月に開通する予定だと述べた。",
    "ko": "시장은 강 위에 놓인 새 다리가 내년 삼월에 개통될 것이라고 말했다.",
    "no": "Ordføreren sa at den nye broen over elven skal åpnes for trafikk i mars neste år.",
    "pl": "Burmistrz powiedział, że nowy most na rzece zostanie otwarty dla ruchu w marcu przyszłego roku.",
    "pt": "O presidente da câmara disse que a nova ponte sobre o rio será aberta ao trânsito em março.",
    "ru": "Мэр сообщил, что новый мост через реку откроют для движения в марте следующего года.",
    "th": "นายกเทศมนตรีกล่าวว่าสะพานใหม่ข้ามแม่น้ำจะเปิดให้ใช้ได้ในเดือนมีนาคมปีหน้า",
    "tr": "Belediye başkanı, nehrin üzerindeki yeni köprünün gelecek mart ayında trafiğe açılacağını söyledi.",
    "uk": "Мер повідомив, що новий міст через річку відкриють для руху в березні наступного року.",
    "vi": "Thị trưởng cho biết cây cầu mới bắc qua sông sẽ được thông xe vào tháng ba năm tới.",
    "zh-Hans": "市长说，横跨河流的新大桥将于明年三月正式通车，届时居民出行会更加方便。",
}
NO_LANGUAGE = {
    "no letters": ["", " \n\t", "1234 5678 3.14 " * 5, "| 1 | 2 |\n|---|---|\n" * 5, "😀🎉" * 20, "�" * 40, "\0" * 50],
    "too short": ["a"],
    "many symbols": [
        "def f(x):\n    return x+1\nfor i in range(10): print(f(i))\n" * 3,
        '<div class="nav"><a href="/home">Home</a></div>' * 5,
        TEXTS["ru"].encode().decode("cp1252", "ignore"),
    ],
    "endless words": ["TG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQ" * 6, "a" * 10_000],
}


def documents(texts: list[str]) -> pl.DataFrame:
    return undecided(pl.DataFrame({"text": texts}, schema={"text": pl.String}))


def test_detects_languages() -> None:
    assert [found for found, _ in detect(list(TEXTS.values()))] == list(TEXTS)
    assert curate.detect([TEXTS["en"]])[0] == ("en", pytest.approx(1.0, abs=1e-4))


def test_rust_and_python_agree() -> None:
    texts = [*TEXTS.values(), *(text[:25] for text in TEXTS.values()), "1 2", TEXTS["en"] + TEXTS["ru"]]
    assert detectors._langdetect_rs() is not None
    assert detectors.langdetect(texts) == detectors.langdetect_python(texts)


def test_falls_back_to_python(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = detect([TEXTS["fr"], TEXTS["ja"]])
    monkeypatch.setattr(detectors, "_langdetect_rs", lambda: None)
    assert detect([TEXTS["fr"], TEXTS["ja"]]) == expected


def test_alone_in_batches_and_in_any_order_the_same() -> None:
    texts = list(TEXTS.values())
    assert detect(texts[::-1])[::-1] == detect(texts) == [detect([text])[0] for text in texts]
    assert detect([]) == []


@pytest.mark.parametrize(("reason", "text"), [(r, text) for r, texts in NO_LANGUAGE.items() for text in texts])
def test_no_language(reason: str, text: str) -> None:
    assert detect([text]) == [("und", 0.0)]
    assert gates.unfit([text], gates.MIN_LETTERS) == [reason]


def test_lone_surrogates_do_not_raise() -> None:
    assert detect(["\udcff\udcfe" * 20]) == [("und", 0.0)]
    assert detect(["\ud800 " + TEXTS["en"]])[0][0] == "en"


def test_only_the_beginning_counts() -> None:
    long = TEXTS["de"] * (MAX_CHARACTERS // len(TEXTS["de"]) + 1)
    assert detect([long]) == detect([long + TEXTS["ru"] * 1000])


def test_apply_keeps_what_is_asked_for() -> None:
    texts = [TEXTS["en"], TEXTS["zh-Hans"], TEXTS["de"], "Too short", "1 2 3"]
    result = apply(documents(texts), Config(keep=("en", "zh")))
    assert result["language"].to_list() == ["en", "zh-Hans", "de", "und", "und"]
    assert result["drop_reason"].to_list() == [None, None, "language not kept", "no language", "no language"]
    assert result["drop_detail"].to_list() == [None, None, "de 1.0", "too short", "no letters"]
    assert result["text"].to_list() == texts


def test_apply_without_keep_only_labels() -> None:
    result = apply(documents([TEXTS["en"], ""]), Config())
    assert result["language"].to_list() == ["en", "und"]
    assert result["language_score"].to_list() == [pytest.approx(1.0, abs=1e-4), 0.0]
    assert result["drop_reason"].null_count() == 2
    assert apply(documents([]), Config(keep=("en",))).height == 0


def test_min_score() -> None:
    mixed = "\n".join([TEXTS["en"], TEXTS["fr"]])
    (score,) = apply(documents([mixed]), Config())["language_score"]
    assert score < 0.99
    assert apply(documents([mixed]), Config(min_score=0.99))["drop_reason"].to_list() == ["language uncertain"]
    assert apply(documents([TEXTS["en"]]), Config(min_score=0.99))["drop_reason"].to_list() == [None]


@pytest.mark.parametrize(
    ("given", "expected"),
    [("zh-cn", "zh-Hans"), ("zh_TW", "zh-Hant"), ("eng_Latn", "en"), ("__label__de", "de"), ("nb", "no"), ("iw", "he")],
)
def test_codes(given: str, expected: str) -> None:
    assert code(given) == expected
    assert Config(keep=(given,)).keep == (expected,)


def test_a_language_stands_for_its_scripts() -> None:
    assert matches(["zh"], LANGDETECT) == {"zh", "zh-Hans", "zh-Hant"}
    assert matches(["zh-Hant", "no"], LANGDETECT) == {"zh-Hant", "no"}


@pytest.mark.parametrize(
    ("keep", "says"),
    [("english", "did you mean 'en'"), ("xx", "no ISO 639 code"), ("la", "langdetect does not know 'la'")],
)
def test_config_refuses_what_cannot_be_kept(keep: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Config(keep=(keep,))


def test_threads_give_the_same() -> None:
    texts = list(TEXTS.values()) * 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(detect, [texts] * 8)) == [detect(texts)] * 8
