"""What a service is called: up, starting, down with its reason, or not started."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

import httpx
import pytest

from portal.catalogue import SERVICES, Service
from portal.places import ByAddress, Place, Process
from portal.states import START_SECONDS, Answer, State, Watch, airflow_pages, judge
from tests.ports import free_port
from tests.unit.portal.test_shared import Clock

WELL = {"scheduler": {"status": "healthy"}, "dag_processor": {"status": "healthy"}}
ALIVE, DEAD = Process("one", is_alive=True), Process("one", is_alive=False)


@dataclass
class Machine:
    """Places whose processes and answers a test sets."""

    needs_record: bool = True
    processes: dict[str, Process] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    endings: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def knows(self, _service: Service, /) -> bool:
        return True

    def place(self, service: Service) -> Place | None:
        return None if service.part else Place(f"http://{service.name}", f"http://{service.name}")

    def process(self, service: Service) -> Process | None:
        return self.processes.get(service.name)

    def ended(self, service: Service) -> str:
        return self.endings.get(service.name, "")

    def last_words(self, _service: Service, /) -> str:
        return "FATAL: no more memory"

    def ask(self, url: str) -> Answer:
        self.asked.append(url)
        return self.answers.get(url.split("/")[2], Answer(is_good=False, why="nothing listens at its address"))


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(machine: Machine, clock: Clock) -> Watch:
    return Watch(machine, clock, machine.ask)


def look(watch: Watch) -> dict[str, State]:
    return {one.service.name: one for one in watch.look()}


@pytest.mark.parametrize(
    ("process", "answers", "has_answered", "is_expected", "has_ended", "seconds", "state"),
    [
        (None, False, False, False, False, 0, "off"),
        (None, False, False, False, True, 0, "down"),
        (None, False, False, True, False, 0, "starting"),
        (None, False, False, True, True, 0, "starting"),  # it ended under an earlier `up`
        (None, False, False, True, False, START_SECONDS + 1, "down"),
        (None, False, True, True, False, 0, "down"),
        (None, True, True, True, False, 0, "up"),  # in a container
        (ALIVE, False, False, False, False, START_SECONDS + 1, "starting"),
        (ALIVE, False, True, False, False, 0, "down"),
        (ALIVE, True, True, True, False, 0, "up"),
        (DEAD, False, True, True, False, 0, "down"),
        (DEAD, True, True, False, False, 0, "down"),  # another program listens there
    ],
)
def test_a_state_follows_from_process_and_answer(
    process: Process | None,
    answers: bool,
    has_answered: bool,
    is_expected: bool,
    has_ended: bool,
    seconds: float,
    state: str,
) -> None:
    found = judge(
        process,
        answers=answers,
        has_answered=has_answered,
        is_expected=is_expected,
        has_ended=has_ended,
        seconds=seconds,
    )
    assert found == state


def test_what_was_not_started_names_its_command_and_is_asked_nothing(machine: Machine, watch: Watch) -> None:
    found = look(watch)["superset"]
    assert (found.name, found.command, found.page) == ("off", "./retail superset up", "")
    assert machine.asked == []  # another program may listen on the port of the last time


def test_a_service_goes_from_starting_to_up_to_down(machine: Machine, watch: Watch) -> None:
    machine.processes["superset"] = ALIVE
    assert look(watch)["superset"].name == "starting"
    machine.answers["superset"] = Answer(is_good=True)
    found = look(watch)["superset"]
    assert (found.name, found.page, found.why) == ("up", "http://superset/", "")
    del machine.answers["superset"]
    found = look(watch)["superset"]
    assert (found.name, found.why) == ("down", "its process runs, but nothing listens at its address")
    machine.processes["superset"] = DEAD
    assert look(watch)["superset"].why == "its process has ended. Its log says: FATAL: no more memory"
    machine.processes["superset"] = Process("two", is_alive=True)  # started again
    assert look(watch)["superset"].name == "starting"


def test_a_service_whose_command_has_cleared_up_is_down_with_how_it_ended(machine: Machine, watch: Watch) -> None:
    machine.endings["docs"] = "it was ended by SIGKILL"
    found = look(watch)["docs"]
    assert (found.name, found.command) == ("down", "./retail docs")
    assert found.why == "it was ended by SIGKILL. Its log says: FATAL: no more memory"


def test_the_parts_of_airflow_are_as_its_health_says(machine: Machine, watch: Watch) -> None:
    names = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor")
    machine.processes |= dict.fromkeys(names, ALIVE)
    machine.answers["airflow-api-server"] = Answer(is_good=True, content=WELL)
    assert {look(watch)[name].name for name in names} == {"up"}
    machine.answers["airflow-api-server"] = Answer(is_good=True, content=WELL | {"scheduler": {"status": "unhealthy"}})
    found = look(watch)["airflow-scheduler"]
    assert (found.name, found.why) == ("down", "its process runs, but it has given no sign of life for 30 s")


def test_a_scheduler_is_not_called_down_because_the_web_server_is(machine: Machine, watch: Watch) -> None:
    machine.processes |= dict.fromkeys(("airflow-api-server", "airflow-scheduler"), ALIVE)
    machine.answers["airflow-api-server"] = Answer(is_good=True, content=WELL)
    look(watch)
    del machine.answers["airflow-api-server"]
    found = look(watch)
    assert (found["airflow-api-server"].name, found["airflow-scheduler"].name) == ("down", "up")
    machine.processes["airflow-scheduler"] = DEAD
    assert look(watch)["airflow-scheduler"].name == "down"


def test_a_further_page_is_shown_when_it_is_there_and_asked_for_once(machine: Machine, watch: Watch) -> None:
    machine.processes["docs"] = ALIVE
    machine.answers["docs"] = Answer(is_good=True)
    assert look(watch)["docs"].more == ""
    machine.answers["docs"] = Answer(is_good=True, is_found=True)
    assert look(watch)["docs"].more == "http://docs/lineage/index.html"
    look(watch)
    assert machine.asked.count("http://docs/lineage/index.html") == 2


def test_in_containers_what_has_never_answered_is_starting_for_a_while(clock: Clock) -> None:
    places = ByAddress({"pgadmin": ("http://pgadmin:5050", "http://localhost:5050/")})
    answers = [Answer(is_good=False, why="nothing listens at its address")]
    watch = Watch(places, clock, lambda _: answers[0])
    (found,) = watch.look()
    assert (found.name, found.why) == ("starting", "")
    clock.now += START_SECONDS + 1
    (found,) = watch.look()
    assert (found.name, found.why, found.command) == ("down", "nothing listens at its address", "")
    answers[0] = Answer(is_good=True)
    (found,) = watch.look()
    assert (found.name, found.page, found.note) == ("up", "http://localhost:5050/", "")


def test_a_container_that_was_left_out_is_not_started_and_one_that_has_gone_is_down(clock: Clock) -> None:
    """Superset is in a profile: a platform without it is whole."""
    places = ByAddress({"superset": ("http://superset:8088", "http://localhost:8088")})
    answers = [Answer(is_good=False, why="its host has no address", is_unknown=True)]
    watch = Watch(places, clock, lambda _: answers[0])
    clock.now += START_SECONDS + 1
    (found,) = watch.look()
    assert (found.name, found.why, found.command) == ("off", "", "docker compose --profile bi up -d")
    answers.insert(0, Answer(is_good=True))
    (found,) = watch.look()
    assert (found.name, found.page) == ("up", "http://localhost:8088/")
    del answers[0]
    (found,) = watch.look()
    assert (found.name, found.why, found.command) == ("down", "its host has no address", "")


def test_a_container_that_the_others_need_is_down_when_its_host_has_no_address(clock: Clock) -> None:
    places = ByAddress({"source-api": ("http://api:4010", "http://localhost:4011")})
    watch = Watch(places, clock, lambda _: Answer(is_good=False, why="its host has no address", is_unknown=True))
    assert [one.name for one in watch.look()] == ["starting"]
    clock.now += START_SECONDS + 1
    assert [one.name for one in watch.look()] == ["down"]


def test_a_name_that_does_not_resolve_is_told_from_a_port_that_is_closed(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    watch = Watch(ByAddress({}), clock)
    assert not watch._ask(f"http://127.0.0.1:{free_port()}/health").is_unknown

    def resolve(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert watch._ask("http://superset:8088/health").is_unknown


def test_the_pages_of_airflow_may_frame_ours_under_both_names_of_this_machine(machine: Machine) -> None:
    places = ByAddress({"airflow-api-server": ("http://airflow-webserver:8080", "http://localhost:8081")})
    assert airflow_pages(places) == ("http://127.0.0.1:8081", "http://localhost:8081")
    assert airflow_pages(ByAddress({})) == ()


@pytest.mark.parametrize(
    ("answer", "good", "why"),
    [
        (httpx.Response(200), True, ""),
        (httpx.Response(302, headers={"Location": "https://elsewhere.example.org"}), True, ""),
        (httpx.Response(401), True, ""),  # pgAdmin wants its key
        (httpx.Response(503), False, "it answers with HTTP status 503"),
        (httpx.ConnectError("refused, password=canary"), False, "nothing listens at its address"),
        (httpx.ReadTimeout("late"), False, "no answer within 5 s"),
        (httpx.RemoteProtocolError("canary"), False, "its answer broke off (RemoteProtocolError)"),
    ],
)
def test_an_answer_is_one_that_a_working_service_gives(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, answer: httpx.Response | Exception, good: bool, why: str
) -> None:
    def send(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = httpx.Client(transport=httpx.MockTransport(send))
    monkeypatch.setattr("portal.states.httpx.Client", lambda **_: client)
    places = ByAddress({"superset": ("http://superset:8088", "http://localhost:8088")})
    (found,) = (one for one in Watch(places, clock).look())
    assert (found.name == "up", Watch(places, clock)._ask("http://superset:8088/health").why) == (good, why)


def test_every_service_has_a_name_of_its_own_and_leads_somewhere() -> None:
    assert len({one.name for one in SERVICES}) == len(SERVICES)
    assert all(one.port or one.page is None for one in SERVICES)
