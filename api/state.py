"""What one worker process holds: connections, the writer, rules, model, keys."""

import asyncio
import itertools
import logging
import os
import signal
from dataclasses import dataclass
from datetime import date

from api import metrics
from api.in_force import LOOK_EVERY_SECONDS, ModelInForce, RulesInForce
from api.keys import Callers
from api.shadow import Challenger
from fraudstack.decisions.terms import Terms
from fraudstack.decisions.writer import Writer
from fraudstack.errors import InputError, StoreError
from fraudstack.llm.limits import Limits
from fraudstack.llm.scorer import TextScorer
from fraudstack.rules import config
from fraudstack.settings import Settings
from fraudstack.storage import transactions
from fraudstack.storage.connections import store
from fraudstack.storage.connections.online import Readers
from fraudstack.storage.model_days import latest as watched_of
from fraudstack.storage.runs import last_ingest
from fraudstack.storage.shared_counts import Shared
from fraudstack.storage.upgrade import upgrade

log = logging.getLogger(__name__)
# An ingest may bring new names of merchant categories: looked at each so many times.
_CATEGORIES_EVERY, _CHAMPION_EVERY = 60, 2


# An average is of about so many.
_OPINIONS_REMEMBERED = 20


@dataclass
class Scorer:
    """A worker's state."""

    settings: Settings
    store: store.Store
    writer: Writer
    rules: RulesInForce
    model: ModelInForce
    challenger: Challenger
    callers: Callers
    categories: dict[int, str]
    text: TextScorer | None
    readers: Readers
    shared: Shared
    # A model's opinion took so long, on average of the latest.
    opinion_seconds: float = 0.0

    def __post_init__(self) -> None:
        """Begin to follow the store."""
        self._following = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self) -> None:
        for second in itertools.count(1):
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            if second % _CHAMPION_EVERY == 0:
                await asyncio.to_thread(self._export)
            if self.model.due:
                await asyncio.to_thread(self.model.look)
            if second % _CATEGORIES_EVERY:
                continue
            try:
                await asyncio.to_thread(self._read)
            except StoreError as error:
                log.warning("the old names of categories stay", extra={"said": {"error": str(error)}})

    def _export(self) -> None:
        """Have the store's champion in this scorer's folder, where it looks for it, and the challenger."""
        try:
            with self.readers.reading() as connection:
                self.model.export(connection)
                self.challenger.take_up(connection)
        except StoreError as error:
            log.warning("which model is in force can't be read", extra={"said": {"error": str(error)}})

    def _read(self) -> None:
        """What jobs bring: names of categories, what is watched of the model, when a file was ingested."""
        with self.readers.reading() as connection:
            self.categories = transactions.categories(connection)
            watched = watched_of(connection, self.model.model.version) if self.model.model else {}
            ingested = last_ingest(connection)
        metrics.INGESTED.set(ingested)
        metrics.watched({measure: value for measure, (value, _, _) in watched.items()})

    def terms(self) -> Terms:
        """What decisions are made by at this moment."""
        return Terms(
            self.rules.now(),
            self.settings.currency,
            self.categories,
            self.model.model,
            self.model.unusable,
            self._timed,
            self.model.failed,
            self.settings.figures_share,
            self.challenger.now(self.model.model),
            self.challenger.failed,
        )

    def _timed(self, seconds: float) -> None:
        """An opinion took so long."""
        metrics.MODEL.observe(seconds)
        self.opinion_seconds += (seconds - self.opinion_seconds) / _OPINIONS_REMEMBERED

    async def close(self) -> None:
        """Finish what waits and close all connections."""
        self._following.cancel()
        if self.text is not None:
            await self.text.close()
        await self.writer.close()
        self.readers.close()
        self.shared.close()


def text_scorer(settings: Settings, shared: Shared) -> TextScorer | None:
    """What asks the language model; None without a key."""

    async def spend(day: date, tokens: int) -> bool:
        most = settings.llm_tokens_per_day
        try:
            return await asyncio.to_thread(shared.spend, "language model", day.toordinal(), tokens, most)
        except StoreError as error:
            # What can't be counted isn't spent: the rules decide.
            log.warning("the language model's tokens can't be counted", extra={"said": {"error": str(error)}})
            return False

    if settings.openai_api_key is None:
        return None
    try:
        limits = Limits(
            api_key=settings.openai_api_key.get_secret_value(),
            base_url=settings.openai_base_url,
            model=settings.llm_model,
            timeout=settings.llm_seconds,
            names=[name.strip() for name in settings.redact_names.split(",") if name.strip()],
            tokens_per_day=settings.llm_tokens_per_day,
        )
    except ValueError as error:
        raise InputError(f"the settings of the language model can't be used: {error}") from error
    return TextScorer(limits, spend=spend)


def make_room() -> None:
    """End this worker once what it has begun is answered; gunicorn starts another."""
    os.kill(os.getpid(), signal.SIGTERM)


async def start(settings: Settings) -> Scorer:
    """Open a worker's state; raises Refusal when a setting, the rules file or the store can't be used."""
    where = store.parse(settings.store_url)
    shared = Shared(where)
    callers = Callers(settings, shared)
    if not callers.known and settings.env != "development":
        raise InputError("TX_API_KEYS is empty: without keys the scorer starts only with TX_ENV=development")
    rules = RulesInForce(settings.rules_path or config.DEFAULT)
    upgrade(where, "transactions")
    readers = Readers(where)
    with readers.reading() as connection:
        categories = transactions.categories(connection)
    writer = Writer(where, settings.api_queue, metrics.WAITING.set, make_room)
    text = text_scorer(settings, shared)
    model, challenger = ModelInForce(settings.model_dir), Challenger()
    with readers.reading() as connection:
        model.export(connection)
        challenger.take_up(connection)
    model.look()
    return Scorer(settings, where, writer, rules, model, challenger, callers, categories, text, readers, shared)
