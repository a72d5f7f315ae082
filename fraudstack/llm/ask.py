"""One question to a language model, and what can come of it."""

import asyncio
import json
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Annotated, Any, NamedTuple

import httpx2
import openai
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from fraudstack.llm.limits import Limits, Status
from fraudstack.llm.prompt import Inert, messages

_OPENAI = "https://api.openai.com/v1"
# The longest answer: a sentence and its JSON.
_MOST_ANSWER_TOKENS = 200
# The answer's schema and the frame around the messages.
_FRAME_TOKENS = 150
_BYTES_PER_TOKEN = 3
# What ends the thoughts of a model that thinks first; some servers leave out what begins them.
_THOUGHT = "</think>"
# Of what a model wrote so many characters are read, and so many places where an answer may begin.
_MOST_READ, _MOST_TRIED = 100_000, 100
# Some models break lines within a text.
_JSON = json.JSONDecoder(strict=False)


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError("a suspicion is between 0 and 1")
    return value


def _number(value: Any) -> Any:
    # Local models put it in quotes; anything but a number stays what it is, and is refused.
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _whole(text: str) -> str:
    # Half of a surrogate pair is no text: raises a UnicodeEncodeError, which is a ValueError.
    text.encode()
    return text


# Bounds are checked here and aren't part of the schema that is sent: not every server takes them in one.
class Answer(BaseModel):
    """How suspicious a description is, and why."""

    # What a model says beyond it is read by nobody.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    suspicion: Annotated[
        float,
        BeforeValidator(_number),
        AfterValidator(_share),
        Field(description="0: an everyday purchase, 1: surely fraud"),
    ]
    # Of any length: an answer must not get lost because a stranger's text made the model talk. It is cut later.
    reason: Annotated[str, AfterValidator(_whole), Field(description="one short sentence")]


class Outcome(NamedTuple):
    """How a question ended."""

    status: Status
    answer: Answer | None = None
    # What it used; None when nobody knows.
    tokens: int | None = None
    # Whether the service works. That a model doesn't answer one text is no failure of it, or whoever writes the texts
    # could switch it off for all. None: it can't be told.
    works: bool | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Completion(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: Any = None


def connect(limits: Limits) -> openai.AsyncOpenAI:
    """A client that asks once and waits no longer than it may; nothing is sent yet.

    The key, the address and the way to it come from the limits alone. Raises ValueError without a key.
    """
    if not limits.api_key:
        raise ValueError("there is no key")
    client = openai.AsyncOpenAI(
        api_key=limits.api_key,
        # It would look into the environment for an address, and for a header that replaces the key.
        base_url=limits.base_url or _OPENAI,
        default_headers={"Authorization": f"Bearer {limits.api_key}"},
        # The library's own are 600 seconds and two more attempts.
        timeout=limits.timeout,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(
            timeout=limits.timeout,
            # The text goes where it was meant to go: to no proxy of the environment, and after no redirect.
            trust_env=False,
            follow_redirects=False,
            # A broken cookie, once kept, would fail every later request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        ),
    )
    client.organization = client.project = None
    # It loads these modules when they are first used, which would be within the first call's time.
    _ = client.chat.completions.with_raw_response
    return client


def estimate(text: Inert) -> int:
    """About how many tokens a question and its answer take, rather too many than too few."""
    return sum(len(said.encode()) for said in messages(text)) // _BYTES_PER_TOKEN + _FRAME_TOKENS + _MOST_ANSWER_TOKENS


async def ask(client: openai.AsyncOpenAI, model: str, text: Inert, seconds: float) -> Outcome:
    """Ask once, for at most so many seconds; every failure is an outcome, only a cancellation passes through."""
    system, user = messages(text)
    try:
        # The library's own limit is for each read: a server that sends byte after byte would pass it.
        async with asyncio.timeout(seconds):
            # Chat completions and not responses: local servers (OPENAI_BASE_URL) speak the older protocol.
            # Raw: parsing there builds what it is given without a check, and loses the usage where it fails.
            response = await client.chat.completions.with_raw_response.parse(
                model=model,
                messages=[{"role": "system", "content": system}, {"role": "user", "content": user}],
                response_format=Answer,
                max_completion_tokens=_MOST_ANSWER_TOKENS,
            )
    except (TimeoutError, openai.APITimeoutError):
        # It may have been read and billed all the same.
        return Outcome("timeout", works=False)
    except openai.RateLimitError:
        return Outcome("rate_limited", tokens=0, works=False)
    except openai.APIStatusError as error:
        if error.code == "content_filter":
            return Outcome("refused", works=True)
        return Outcome("rejected" if 400 <= error.status_code < 500 else "error", tokens=0, works=False)
    except openai.OpenAIError as error:
        # A call that never reached the server costs nothing; of one that broke off nobody knows.
        unsent = isinstance(error.__cause__, httpx2.ConnectError)
        return Outcome("error", tokens=0 if unsent else None, works=False)
    return _read(response.content)


def _read(body: bytes) -> Outcome:
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError:
        return Outcome("invalid", works=False)
    tokens, choice = _total(completion.usage), completion.choices[0]
    if choice.message.refusal or choice.finish_reason == "content_filter":
        return Outcome("refused", tokens=tokens, works=True)
    found = _understood(choice.message.content or "")
    return Outcome("ok" if found else "invalid", found, tokens, works=True)


def _understood(content: str) -> Answer | None:
    """The answer in what a model wrote: alone, in a fence, after its thoughts, with words around it.

    Of several the most suspicious counts: a text that the model repeats can't talk it down.
    """
    text = content.rpartition(_THOUGHT)[2][-_MOST_READ:]
    found: list[Answer] = []
    place = text.find("{")
    for _ in range(_MOST_TRIED):
        if place < 0:
            break
        try:
            said, end = _JSON.raw_decode(text, place)
            found.append(Answer.model_validate(said))
        # A ValidationError is a ValueError, too.
        except (ValueError, RecursionError):
            end = place + 1
        place = text.find("{", end)
    return max(found, key=lambda answer: answer.suspicion, default=None)


def _total(usage: object) -> int | None:
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if type(total) is int and total >= 0 else None
