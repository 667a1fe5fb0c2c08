"""What stands below an article, invented: readers' comments, and another article. Pages learn from it in disguise.

Both are prose, and only what stands around tells them from the article. The words are ours; what is said in them comes
from another page, so that the structure alone gives them away.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

_SENTENCE = re.compile(r"(?<=[.!?。！？]) *")
_NUMBERS = {"n": (2, 300), "day": (1, 28), "month": (1, 12), "year": (2005, 2026), "hour": (0, 23), "minute": (0, 59)}
_MOST = 40

HEADINGS = {
    "en": "Comments|{n} comments|Comments ({n})|Reader comments|User comments|Join the discussion|Have your say",
    "de": "Kommentare|{n} Kommentare|Kommentare ({n})|Leserkommentare|Diskutieren Sie mit|Ihre Meinung",
    "fr": "Commentaires|{n} commentaires|Vos commentaires|Réactions ({n})|Réagir à cet article",
    "es": "Comentarios|{n} comentarios|Comentarios ({n})|Opiniones de los lectores|Deja tu comentario",
    "it": "Commenti|{n} commenti|Commenti ({n})|I commenti dei lettori|Lascia un commento",
    "pl": "Komentarze|Komentarze ({n})|Opinie ({n})|Dodaj komentarz|Wasze opinie",
    "ru": "Комментарии|Комментарии ({n})|Комментариев: {n}|Отзывы читателей|Обсуждение",
    "el": "Σχόλια|Σχόλια ({n})|{n} σχόλια|Γράψτε το σχόλιό σας",
    "zh": "评论|网友评论|评论({n})|{n}条评论|網友回應|讀者留言",
}
NAMED = "{name}|{name}:|{name} said:|{name} says:|Posted by: {name}|by {name}|@{name}|{name} wrote|~{name}|{name} ^"
STAMPS = (
    "{day}.{month:02}.{year}|{day}.{month:02}.{year} {hour}:{minute:02}|{day} days ago|{hour} h|"
    "{year}-{month:02}-{day:02} {hour:02}:{minute:02}|[{hour:02}:{minute:02}]|{month}/{day}/{year}|"
    "{day}/{month}/{year} - {hour}:{minute:02}"
)
ANSWERS = {
    "en": "Reply|Report abuse|Like {n}|Reply Share|Flag this comment|{n} {n}",
    "de": "Antworten|Melden|Kommentar melden|{n} Antworten",
    "fr": "Répondre|Signaler un abus",
    "es": "Responder|Denunciar",
    "it": "Rispondi|Segnala",
    "pl": "Odpowiedz|Zgłoś|odpowiedz | zgłoś",
    "ru": "Ответить|Пожаловаться|Ответить {n}",
    "el": "Απάντηση",
    "zh": "回复|回覆|支持 {n}",
}
NEXT = {
    "en": "Read next|More on this|Related|Next story|Don't miss|Recommended|More from this section",
    "de": "Lesen Sie auch|Mehr zum Thema|Weitere Artikel|Nächster Artikel",
    "fr": "À lire aussi|Sur le même sujet|Article suivant",
    "es": "Lea también|Más noticias|Te puede interesar",
    "it": "Leggi anche|Altre notizie|Articoli correlati",
    "pl": "Czytaj także|Zobacz też|Polecamy",
    "ru": "Читайте также|По теме|Другие новости",
    "el": "Διαβάστε επίσης|Σχετικά άρθρα",
    "zh": "相关新闻|推荐阅读|延伸閱讀",
}


def comments(prose: Sequence[str], lang: str, rng: random.Random) -> list[str]:
    """Mostly a heading, and comments of one make that say what `prose` says."""
    named, stamp, answer = rng.choice(NAMED.split("|")), rng.choice(STAMPS.split("|")), _one(ANSWERS, lang, rng)
    place = rng.choice(["above", "above", "below", "one line", "no date"])
    answered = rng.random() < 0.6
    words = re.findall(r"\w{3,12}", " ".join(prose)) or ["reader"]
    out = [_filled(_one(HEADINGS, lang, rng), rng)] if rng.random() < 0.8 else []
    for said in _sayings(prose, rng):
        name, date = named.format(name=_name(words, rng)), _filled(stamp, rng)
        head = {"one line": [f"{name} {date}"], "no date": [name]}.get(place, [name, date])
        out += [said, *head] if place == "below" else [*head, said]
        out += [_filled(answer, rng)] if answered else []
    return out


def heading(lang: str, rng: random.Random) -> list[str]:
    """A line that says that another article follows, or none."""
    return [_one(NEXT, lang, rng)] if rng.random() < 0.6 else []


def _one(words: dict[str, str], lang: str, rng: random.Random) -> str:
    return rng.choice(words.get(lang, words["en"]).split("|"))


def _filled(pattern: str, rng: random.Random) -> str:
    return pattern.format(**{name: rng.randint(low, high) for name, (low, high) in _NUMBERS.items()})


def _name(words: Sequence[str], rng: random.Random) -> str:
    first, last = rng.choice(words), rng.choice(words)
    return rng.choice([first, f"{first.title()} {last.title()}", f"{first.lower()}{rng.randint(1, 99)}"])


def _sayings(prose: Sequence[str], rng: random.Random) -> Iterator[str]:
    """What each comment says: some sentences, typed as readers type."""
    sentences = [piece for line in prose for piece in _SENTENCE.split(line) if piece.strip()]
    lower, loud, most = rng.random() < 0.4, rng.random() < 0.4, rng.randint(1, 6)
    for _ in range(_MOST):
        size = rng.randint(1, most)
        said, sentences = " ".join(sentences[:size]), sentences[size:]
        if not said:
            return
        said = said.lower() if lower and rng.random() < 0.7 else said
        yield (
            said.rstrip(".。") + rng.choice(["!", "!!!", "...", "???", " :)"]) if loud and rng.random() < 0.5 else said
        )
