"""Whether each service is up, starting, down and why, or not started."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import httpx

from portal.catalogue import AIRFLOW, SERVICES, WAREHOUSE, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from portal.places import Place, Process
    from portal.standing import Known

StateName = Literal["up", "starting", "down", "off"]
START_SECONDS = 180.0  # as long may what was started together with the start page take to answer
_PROBE_SECONDS = 5.0  # a service under load is slow and not down
_AT_ONCE = 8


class Places(Protocol):
    """Where services are, and what is known of their processes (`portal/places.py`).

    `needs_record`: a service without a record does not run, whatever listens on the port of its last time.
    """

    needs_record: bool

    def knows(self, service: Service, /) -> bool:
        """Whether the service is one of this platform's."""

    def place(self, service: Service) -> Place | None:
        """Where it is."""

    def process(self, service: Service) -> Process | None:
        """Its process."""

    def ended(self, service: Service) -> str:
        """How it ended by itself; empty when it did not."""

    def last_words(self, service: Service, /) -> str:
        """The end of its log."""


@dataclass(frozen=True)
class Answer:
    """The answer to a probe: whether the service works, else `why` not.

    `is_found`: the page is there. `is_unknown`: its host has no address, as that of a container that does not run.
    `content`: if it is JSON.
    """

    is_good: bool
    why: str = ""
    is_found: bool = False
    is_unknown: bool = False
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """The state of a service, and `why` it isn't up.

    `page` is where a person opens it, `more` a further page of it, `note` how to log in, `command` starts it.
    """

    service: Service
    name: StateName
    why: str = ""
    page: str = ""
    more: str = ""
    note: str = ""
    command: str = ""


class Watch:
    """Looks at all services at once. It remembers which have answered: until then a service is starting, later down."""

    def __init__(self, places: Places, clock: Callable[[], float], ask: Callable[[str], Answer] | None = None) -> None:
        self._places, self._clock, self._ask = places, clock, ask or _ask()
        self._began = clock()
        self._answered: set[str] = set()
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="probe")

    def look(self) -> tuple[State, ...]:
        """The states of all services but the warehouse, in the order of the catalogue."""
        services = [one for one in SERVICES if one.name != WAREHOUSE and self._places.knows(one)]
        asked = {one.name: self._pool.submit(self._probe, one) for one in services if not one.part}
        answers = {name: found.result() for name, found in asked.items()}
        health = answers[AIRFLOW].content if AIRFLOW in answers else {}
        answers |= {one.name: self._of_part(one, health) for one in services if one.part}
        return tuple(self._state(one, answers[one.name]) for one in services)

    def _probe(self, service: Service) -> Answer:
        place = self._places.place(service)
        if place is None or not self._may_run(service):
            return Answer(is_good=False, why="not started")
        return self._ask(place.probe + service.probe)

    def _of_part(self, service: Service, health: Mapping[str, Any]) -> Answer:
        """What Airflow's health says of one of its parts. Without an answer, a part that was well stays so."""
        if not self._may_run(service):
            return Answer(is_good=False, why="not started")
        if not health:
            is_known = self._mark(service) in self._answered and self._places.needs_record
            return Answer(is_good=is_known, why="Airflow's web server, which reports on it, does not answer")
        is_good = (health.get(service.part) or {}).get("status") == "healthy"
        return Answer(is_good=is_good, why="it has given no sign of life for 30 s")

    def _may_run(self, service: Service) -> bool:
        return not self._places.needs_record or self._places.process(service) is not None

    def _mark(self, service: Service) -> str:
        process = self._places.process(service)
        return f"{service.name} {process.mark if process else ''}"

    def _state(self, service: Service, answer: Answer) -> State:
        process, mark = self._places.process(service), self._mark(service)
        if answer.is_good and (process is None or process.is_alive):
            self._answered.add(mark)
        ended = "" if process is not None else self._places.ended(service)
        name = judge(
            process,
            has_ended=bool(ended),
            answers=answer.is_good,
            has_answered=mark in self._answered,
            is_expected=self._is_expected(service, answer),
            seconds=self._clock() - self._began,
        )
        place = self._places.place(service)
        if name != "up":
            why = self._why(service, process, answer, ended, has_answered=mark in self._answered)
            return State(service, name, why if name == "down" else "", command=self._command(service, name))
        page = place.page + service.page if place and service.page is not None else ""
        note = service.note if self._places.needs_record else ""
        return State(service, name, "", page, self._more(service, place), note)

    def _is_expected(self, service: Service, answer: Answer) -> bool:
        """Whether it is wrong that the service does not run. A container that was left out has no address."""
        if service.is_expected or self._places.needs_record:
            return service.is_expected
        is_left_out = bool(service.start_container) and answer.is_unknown
        return not is_left_out or self._mark(service) in self._answered

    def _command(self, service: Service, name: StateName) -> str:
        """The command that starts it, if a person has to. The engine starts again a container that has ended."""
        if self._places.needs_record:
            return service.start if name != "starting" else ""
        return service.start_container if name == "off" else ""

    def _why(self, service: Service, process: Process | None, answer: Answer, ended: str, *, has_answered: bool) -> str:
        if ended or (process is not None and not process.is_alive):
            words = self._places.last_words(service)
            return f"{ended or 'its process has ended'}{f'. Its log says: {words}' if words else ''}"
        if process is not None and has_answered:
            return f"its process runs, but {answer.why}"
        return answer.why

    def _more(self, service: Service, place: Place | None) -> str:
        """The address of the further page, if it is there."""
        if service.more is None or place is None:
            return ""
        path, mark = service.more[1], f"{self._mark(service)} more"
        if mark not in self._answered and self._ask(place.probe + path).is_found:
            self._answered.add(mark)
        return place.page + path if mark in self._answered else ""


def judge(
    process: Process | None, *, has_ended: bool, answers: bool, has_answered: bool, is_expected: bool, seconds: float
) -> StateName:
    """The state of a service. `seconds`: since the start page began to look."""
    if process is not None and not process.is_alive:
        return "down"
    if answers:
        return "up"
    if process is not None:
        return "down" if has_answered else "starting"
    if not is_expected:
        return "down" if has_ended else "off"
    return "down" if has_answered or seconds > START_SECONDS else "starting"


def of_warehouse(known: Known) -> State:
    """The state of the warehouse, by the page's own reading of it."""
    (service,) = (one for one in SERVICES if one.name == WAREHOUSE)
    if known.answers:
        return State(service, "up")
    return State(service, "down" if known.problem else "starting", known.problem)


def airflow_pages(places: Places) -> tuple[str, ...]:
    """The addresses under which a person may have Airflow open."""
    (service,) = (one for one in SERVICES if one.name == AIRFLOW)
    place = places.place(service) if places.knows(service) else None
    if place is None:
        return ()
    _, _, port = place.page.rpartition(":")
    return tuple(f"http://{host}:{port}" for host in ("127.0.0.1", "localhost"))


def in_order(states: Iterable[State]) -> tuple[State, ...]:
    """The states in the order of the catalogue."""
    names = [one.name for one in SERVICES]
    return tuple(sorted(states, key=lambda one: names.index(one.service.name)))


def _ask() -> Callable[[str], Answer]:
    """A function that asks an address. It follows no redirect and goes through no proxy."""
    client = httpx.Client(timeout=_PROBE_SECONDS, trust_env=False, follow_redirects=False)

    def ask(url: str) -> Answer:
        try:
            # The body of a file is not wanted: that of the documentation has megabytes.
            answer = client.request("HEAD" if url.endswith(".html") else "GET", url)
        except httpx.TimeoutException:
            return Answer(is_good=False, why=f"no answer within {_PROBE_SECONDS:g} s")
        except httpx.ConnectError as error:
            if _is_without_address(error):
                return Answer(is_good=False, why="its host has no address", is_unknown=True)
            return Answer(is_good=False, why="nothing listens at its address")
        except httpx.HTTPError as error:
            return Answer(is_good=False, why=f"its answer broke off ({type(error).__name__})")
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:  # that it wants a login is an answer
            return Answer(is_good=False, why=f"it answers with HTTP status {answer.status_code}")
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        return Answer(is_good=True, is_found=answer.is_success, content=_content(answer) if is_json else {})

    return ask


def _is_without_address(error: BaseException | None) -> bool:
    """Whether the resolver's error is behind this one."""
    while error is not None:
        if isinstance(error, socket.gaierror):
            return True
        error = error.__cause__ or error.__context__
    return False


def _content(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
