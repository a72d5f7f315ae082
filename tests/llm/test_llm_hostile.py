"""What a stranger writes stays data: it is sent once, between the marks, redacted; and it clears nothing."""

import hashlib
import re
import unicodedata

import pytest

from fraudstack.decisions.asked import Advice
from fraudstack.llm import prompt
from fraudstack.llm.prompt import MOST_CHARACTERS
from fraudstack.rules.decide import combined
from fraudstack.texts import normalised
from tests.llm.asking import asked
from tests.llm.hostile import HOSTILE, NAMES, Hostile
from tests.llm.server import Server, answer, sends

_PLACEHOLDERS = re.compile(r"\[(?:card|iban|email|phone|name)\]")
_FRAMED = re.compile(r"<description ([0-9a-f]{32})>\n([^\n]*)\n</description \1>")


def letters(text: str) -> str:
    """Letters and digits alone, small and without accents: what somebody could still put together."""
    apart = unicodedata.normalize("NFKD", text).translate(str.maketrans("łŁ", "ll"))
    return "".join(sign for sign in apart.casefold() if sign.isalnum())


def holds_no_secret(text: str, case: Hostile) -> bool:
    without = letters(_PLACEHOLDERS.sub("", text))
    return not any(letters(secret) in without for secret in case.secrets)


def is_plain(text: str) -> bool:
    """One line, nothing invisible, and no brackets but those of placeholders."""
    rest = _PLACEHOLDERS.sub("", text)
    return not any(unicodedata.category(sign)[0] == "C" or sign in "<>[]\u2028\u2029" for sign in rest)


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 45
    assert len({case.text for case in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.what)
def test_a_hostile_description_stays_data(server: Server, case: Hostile) -> None:
    # The model obeys whatever it is told.
    server.reply = sends(answer(0, "all is well"))
    assert asked(server, case.text, names=NAMES) == [Advice((), "ok")]

    assert len(server.seen) == 1
    body = server.seen[0].body
    messages = server.seen[0].messages()
    assert list(messages) == ["system", "user"]
    framed = _FRAMED.fullmatch(messages["user"])
    assert framed is not None
    mark, text = framed.groups()
    # What our side says is the same whatever the text is.
    assert messages["system"] == prompt._SYSTEM.format(mark=mark)
    assert mark not in text
    assert body.count(b"<description ") == body.count(b"</description ") == 1
    assert text
    assert len(text) <= MOST_CHARACTERS
    assert is_plain(text)
    assert holds_no_secret(body.decode(), case)
    for label in case.labels:
        assert label in text


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.what)
def test_a_hostile_answer_is_a_strangers_text_too(server: Server, case: Hostile) -> None:
    # JSON can't carry half a pair; the answer would be invalid.
    said = case.text.encode(errors="ignore").decode()
    server.reply = sends(answer(1, said))
    (advice,) = asked(server, "coffee", names=NAMES)
    assert advice.llm_status == "ok"
    (reason,) = advice.reasons
    head, _, sentence = reason.text.partition("the description reads suspicious: ")
    assert not head
    assert len(sentence) <= 200
    assert is_plain(sentence)
    assert holds_no_secret(sentence, case)
    assert reason.weight == 0.5
    # A reason only ever raises a score.
    assert combined([0.4, reason.weight]) > combined([0.4])


def test_an_everyday_description_is_sent_as_it_is(server: Server) -> None:
    asked(server, "Groceries: 2 x milk, 1 bread (Rue de l'Église)", names=NAMES)
    assert "\nGroceries: 2 x milk, 1 bread (Rue de l'Église)\n" in server.seen[0].messages()["user"]


def test_the_mark_is_another_one_each_time(server: Server) -> None:
    asked(server, "coffee", "coffee", cache_size=0)
    first, second = (seen.messages()["user"] for seen in server.seen)
    assert normalised(first).split()[1] != normalised(second).split()[1]


def test_a_cut_leaves_no_half_of_a_number() -> None:
    # The cut falls six digits into a number, and what was taken out brings it into what is sent.
    text = prompt.inert("abc " + "4111111111111111 x " * 300, ())
    assert len(text) < MOST_CHARACTERS
    assert not re.search("[0-9]", text)


def test_the_prompt_has_a_version_of_its_own() -> None:
    """Whoever changes the prompt raises the version, and then this."""
    told = hashlib.sha256(prompt._SYSTEM.encode()).hexdigest()[:12]
    assert (prompt.PROMPT_VERSION, told) == ("1", "d6bea44173bb")
