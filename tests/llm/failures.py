"""How a server can fail, and the status that each ends in."""

import json
from typing import Any

from tests.llm.server import Reply, answer, completion, drops, fails, held, sends, trickles

GOOD = answer(0.8, "It promises a prize.")


def said(**given: Any) -> bytes:
    return completion(json.dumps(given))


FAILURES: dict[str, tuple[Reply, str]] = {
    "slow": (held(sends(GOOD)), "timeout"),
    "one byte after the other": (trickles, "timeout"),
    "refusal": (sends(completion(None, refusal="I can't help with that.")), "refused"),
    "refusal beside an answer": (sends(completion('{"suspicion": 1, "reason": "x"}', refusal="no")), "refused"),
    "filtered answer": (sends(completion("", finish="content_filter")), "refused"),
    "filtered question": (fails(400, "content_filter"), "refused"),
    "no JSON": (sends(b"<html>Bad gateway</html>", headers={"Content-Type": "text/html"}), "invalid"),
    "no JSON though it says so": (sends(b"hello"), "invalid"),
    "another schema": (sends(b'{"hello": 1}'), "invalid"),
    "a list": (sends(b"[1, 2]"), "invalid"),
    "null": (sends(b"null"), "invalid"),
    "no choices": (sends(b'{"choices": []}'), "invalid"),
    "choices of another kind": (sends(b'{"choices": "abc"}'), "invalid"),
    "no message": (sends(b'{"choices": [{"index": 0}]}'), "invalid"),
    "content of another kind": (sends(b'{"choices": [{"message": {"content": ["a"]}}]}'), "invalid"),
    "deep": (sends(b"[" * 100_000), "invalid"),
    "no UTF-8": (sends(b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'), "invalid"),
    "another charset": (sends(GOOD[:-1], headers={"Content-Type": "application/json; charset=klingon"}), "invalid"),
    "empty": (sends(b""), "invalid"),
    "no content": (sends(b"", 204), "invalid"),
    "truncated JSON": (sends(GOOD[: len(GOOD) // 2]), "invalid"),
    "no answer": (sends(completion(None)), "invalid"),
    "empty answer": (sends(completion("")), "invalid"),
    "answer that is no JSON": (sends(completion("It looks fine to me.")), "invalid"),
    "thoughts alone": (sends(completion('<think>{"suspicion": 1, "reason": "x"} perhaps?</think>')), "invalid"),
    "answer in Python": (sends(completion("{'suspicion': 1, 'reason': 'x'}")), "invalid"),
    "answer in a text": (sends(completion(json.dumps(json.dumps({"suspicion": 1, "reason": "x"})))), "invalid"),
    "deep answer": (sends(completion('{"a":' * 50_000)), "invalid"),
    "many beginnings": (sends(completion("{" * 1_000_000)), "invalid"),
    "a percentage": (sends(said(suspicion="90%", reason="x")), "invalid"),
    "a comma": (sends(said(suspicion="0,9", reason="x")), "invalid"),
    "answer cut off": (sends(completion('{"suspicion": 0.9, "rea', finish="length")), "invalid"),
    "answer of another schema": (sends(said(score=1)), "invalid"),
    "answer without a reason": (sends(said(suspicion=1)), "invalid"),
    "suspicion above 1": (sends(said(suspicion=1.01, reason="x")), "invalid"),
    "suspicion below 0": (sends(said(suspicion=-0.1, reason="x")), "invalid"),
    "suspicion that is no number": (sends(completion('{"suspicion": NaN, "reason": "x"}')), "invalid"),
    "suspicion without end": (sends(completion('{"suspicion": 1e999, "reason": "x"}')), "invalid"),
    "suspicion as another text": (sends(said(suspicion="high", reason="x")), "invalid"),
    "suspicion as no number in a text": (sends(said(suspicion="nan", reason="x")), "invalid"),
    "suspicion as truth": (sends(said(suspicion=True, reason="x")), "invalid"),
    "reason of another kind": (sends(said(suspicion=1, reason=["x"])), "invalid"),
    "half a pair in the reason": (sends(completion('{"suspicion": 1, "reason": "\\ud800"}')), "invalid"),
    "429": (fails(429), "rate_limited"),
    "no money": (fails(429, "insufficient_quota"), "rate_limited"),
    "429 that asks to come again": (sends(b"{}", 429, {"Retry-After": "0", "x-should-retry": "true"}), "rate_limited"),
    "500": (fails(500), "error"),
    "503": (sends(b"", 503, {"Retry-After": "0"}), "error"),
    "529": (fails(529), "error"),
    "401": (fails(401), "rejected"),
    "403": (fails(403), "rejected"),
    "400": (fails(400), "rejected"),
    "404": (fails(404), "rejected"),
    "422 with garbage": (sends(b"[" * 100_000, 422), "rejected"),
    "redirect": (sends(b"", 307, {"Location": "/v1/chat/completions"}), "error"),
    "redirect elsewhere": (sends(b"", 308, {"Location": "http://127.0.0.1:9/v1"}), "error"),
    "dropped": (drops, "error"),
    "dropped in the middle": (sends(GOOD[:50], length=len(GOOD)), "error"),
    "compressed garbage": (sends(b"hello", headers={"Content-Encoding": "gzip"}), "error"),
    "header without end": (sends(b"", headers={"X": "x" * 200_000}), "error"),
}
