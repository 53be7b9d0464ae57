"""`./retail notebook` for real: the notebooks run on a warehouse as its reader, and JupyterLab opens them."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from medallion.settings import PROJECT_ROOT
from stack.services.notebook import ENVIRONMENT, FOLDER, NAME, SERVING, notebook_files
from tests.browser import CHROMIUM, Page, browser
from tests.ports import free_port
from tests.process_table import eventually
from tests.retail_cli import Retail, Running, retail

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/lab\S*\?token=[\w-]+")
NAMES = list(notebook_files())
SHIFT, CONTROL = 8, 2
NIGHTLY = ("mart_customer_cohorts", "mart_customer_rfm", "rfm_segments", "dim_holiday", "lifetime_value_totals")
ANOMALY = """
drop table if exists gold.kpi_anomaly cascade;
create table gold.kpi_anomaly (
    anomaly_id bigint, grain text, metric text, level text, member text, currency text, direction text,
    started_at timestamptz, ended_at timestamptz, status text, observed numeric, expected numeric, lower_bound numeric,
    upper_bound numeric, effect numeric, amount numeric, explanation text);
grant select on gold.kpi_anomaly to retail_reader;
insert into gold.kpi_anomaly
select 1, 'day', 'net_revenue', 'channel', 'store', currency, 'below', sold_date::timestamp at time zone 'UTC', null,
    'open', 100, 400, 300, 500, -0.75, -300, 'Half of the stores were closed.'
from gold.mart_daily_kpis
where sold_date = (select max(sold_date) - 3 from gold.mart_daily_kpis)
order by net_amount desc limit 1
"""
CELLS = """
import json, sys
from pathlib import Path
import jupytext
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

said, shell = {}, InteractiveShell.instance()
for file in sys.argv[1:]:
    words = []
    shell.reset(new_session=False)
    for cell in jupytext.read(file, fmt="py:percent").cells:
        if cell.cell_type == "code":
            with capture_output() as found:
                ended = shell.run_cell(cell.source)
            if not ended.success:
                sys.exit(f"{file}: {ended.error_in_exec or ended.error_before_exec!r} in {cell.source}")
            words += [one.data["text/markdown"] for one in found.outputs if "text/markdown" in one.data]
    said[Path(file).stem] = chr(10).join(words)
print(json.dumps(said))
"""
WRITING = """# %% [markdown]
# # Writes

# %%
import os

import psycopg
from warehouse import read

try:
    read("delete from gold.sales_item")
except psycopg.errors.ReadOnlySqlTransaction as error:
    print("first:", error)
connection = psycopg.connect(os.environ["READER_DATABASE_URL"], options="-c default_transaction_read_only=off")

# %% [markdown]
# ## Can I?

# %%
connection.execute("delete from gold.sales_item")
"""


@pytest.fixture(scope="module")
def cli() -> Iterator[Retail]:
    """A RETAIL_HOME in which notebooks can run, with sixty days of sales."""
    with retail(NOTEBOOK_PORT=str(free_port())) as command:
        made = command("env", "make", ENVIRONMENT, seconds=600)
        if "cannot be installed" in made.err:
            pytest.skip(f"NOT PROVED: that the notebooks run. {made.err}")
        assert made.code == 0, made.err
        done = command("run", seconds=300)
        assert done.code == 0, done.err
        yield command


@pytest.fixture(autouse=True)
def files_stay_as_they_are() -> Iterator[None]:
    """No test leaves anything among the notebooks, and none changes one."""
    before = state_of_notebooks()
    yield
    assert state_of_notebooks() == before


def state_of_notebooks() -> dict[str, bytes]:
    """Every file among the notebooks, without what Python compiles."""
    files = [one for one in FOLDER.rglob("*") if one.is_file() and "__pycache__" not in one.parts]
    return {str(one.relative_to(FOLDER)): one.read_bytes() for one in files}


def page_of(cli: Retail, name: str) -> str:
    return (cli.home.path / "notebooks" / f"{name}.html").read_text(encoding="utf-8")


def assert_needs_no_other_file(page: str) -> None:
    found = re.findall(r'(?:src|href)="([^"]*)"|@import|url\(', page)
    assert [one for one in found if not one.startswith("data:")] == []
    assert "<script" not in page


@pytest.mark.slow(in_every_share=True)
@pytest.mark.timeout(600)
def test_every_notebook_runs_as_the_reader_and_becomes_a_page_that_needs_no_other_file(cli: Retail) -> None:
    done = cli("notebook", "--run", seconds=300)
    assert done.code == 0, done.err
    pages = [cli.home.path / "notebooks" / f"{name}.html" for name in NAMES]
    assert done.out.split() == [str(one) for one in pages]
    for name in NAMES:
        page = page_of(cli, name)
        assert_needs_no_other_file(page)
        assert page.count('class="plot"') >= 2, name
        assert "is not there yet" not in page
        assert ("select" in page and "gold." in page) != (name == "05_executive_summary"), name
    assert "They are equal." in page_of(cli, "01_tour_of_gold")
    assert "No anomaly is recorded" in page_of(cli, "04_an_anomaly_explained")
    assert "<strong>Yes.</strong>" in page_of(cli, "05_executive_summary")
    assert cli.processes() == []


def said_by_cells(cli: Retail, address: str, *names: str) -> dict[str, str]:
    """What the cells of notebooks display, without tables and plots: run one after the other in one process of IPython.

    A kernel each, as in the test above, takes five times as long.
    """
    program = str(cli.home.path / "environments" / ENVIRONMENT / "bin" / "python")
    environment = {"PATH": os.environ["PATH"], "HOME": str(cli.home.path), "READER_DATABASE_URL": address}
    environment["MPLCONFIGDIR"] = str(cli.home.path / "jupyter" / "matplotlib")
    files = [str(FOLDER / f"{name}.py") for name in names]
    done = subprocess.run(
        [program, "-c", CELLS, *files],
        env=environment,
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def reader_address(cli: Retail) -> str:
    password = json.loads((cli.home.path / "secrets.json").read_text())["postgres_reader"]
    return f"postgresql://retail_reader:{password}@127.0.0.1:{cli.port('POSTGRES_PORT')}/retail"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_without_nightly_tables_a_sentence_names_the_command_and_an_anomaly_is_explained(cli: Retail) -> None:
    dropped = "; ".join(f"drop table gold.{name} cascade" for name in NIGHTLY)
    assert cli("psql", "-qc", dropped, "-c", ANOMALY).code == 0
    with cli.start("psql", "-Xc", "select 'up', pg_sleep(0)", "-c", "select pg_sleep(600)") as running:
        running.says("up")
        said = said_by_cells(cli, reader_address(cli), *NAMES)
        running.press_ctrl_c()
    for name in NIGHTLY[:3]:
        assert f"`gold.{name}` is not there yet. `./retail nightly` builds it." in said["03_rfm_and_cohorts"]
    assert "`gold.dim_holiday` is not there yet. `./retail nightly`" in said["02_trends_and_seasonality"]
    anomaly = said["04_an_anomaly_explained"]
    assert "Half of the stores were closed." in anomaly
    assert "No anomaly is recorded" not in anomaly
    assert "instead of" in anomaly
    assert "Net revenue differed by" in anomaly
    assert "channel = 'store'" in anomaly  # the statement to look it up
    assert "- net revenue of channel store in " in said["05_executive_summary"]
    assert "−75.0% since" in said["05_executive_summary"]


@pytest.mark.slow
def test_in_an_empty_warehouse_each_notebook_says_what_to_do(cli: Retail, database_url: str) -> None:
    """Its schema is there, and Gold has not been built."""
    said = said_by_cells(cli, database_url, *NAMES)
    assert {name for name in NAMES if "is not there yet. `./retail run` builds it." in said[name]} == {*NAMES} - {
        "03_rfm_and_cohorts"
    }
    assert "`./retail nightly` builds it." in said["03_rfm_and_cohorts"]


@pytest.mark.slow
def test_a_notebook_that_fails_is_three_lines_that_name_its_cell_and_its_page_stays(cli: Retail) -> None:
    page = cli.home.path / "notebooks" / "05_executive_summary.html"
    page.write_text("former")
    nowhere = f"postgresql://retail_reader:of-nobody@127.0.0.1:{free_port()}/retail"
    failed = cli("notebook", "--run", "05_executive_summary", READER_DATABASE_URL=nowhere)
    assert failed.code == 1
    lines = failed.err.strip().splitlines()
    assert "error: notebook 05_executive_summary failed in cell 4, under 'How did we do?'" in lines
    assert any(line.startswith("  why: OperationalError: connection failed") for line in lines)
    assert any(line.startswith("   do: ./retail notebook 05_executive_summary opens it") for line in lines)
    assert "of-nobody" not in failed.err
    assert page.read_text() == "former"


# ---------------------------------------------------------------- JupyterLab


def address_of(running: Running) -> str:
    running.says("Ctrl-C ends", 180)
    (address,) = ADDRESS.findall(running.said())
    return str(address)


def press(page: Page, key: str, code: int, modifiers: int) -> None:
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, modifiers=modifiers)


def click(page: Page, chosen: str) -> None:
    """Click on the middle of the first element that a selector finds."""
    box = f"document.querySelector('{chosen}').getBoundingClientRect()"
    asked = f"(box => [box.x + box.width / 2, box.y + box.height / 2])({box})"
    x, y = page.call("Runtime.evaluate", expression=asked, returnByValue=True)["result"]["value"]
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def assert_a_browser_opens_and_runs_it(address: str, folder: Path) -> None:
    """The first cells of a notebook, by the keys of a person, and Ctrl-S."""
    with browser(folder) as page:
        page.open(address)
        assert eventually(lambda: "Python 3 (ipykernel)" in page.text(), 90), page.text()
        assert "Would you like to receive" not in page.text()  # news
        click(page, ".jp-Notebook .jp-Cell h1")
        for _ in range(4):
            press(page, "Enter", 13, SHIFT)
            time.sleep(0.3)
        said = re.compile(r"Gold has \d+ tables\. \w+ was loaded last")
        assert eventually(lambda: bool(said.search(page.text())), 90), page.text()
        press(page, "s", 83, CONTROL)
        assert eventually(lambda: "Saving completed" in page.text(), 30), page.text()
        picture = base64.b64decode(page.call("Page.captureScreenshot", format="png")["data"])
        assert len(picture) > 10_000


def assert_only_who_has_the_key_gets_in(address: str) -> None:
    base = address.partition("/lab")[0]
    answers = {path: httpx.get(base + path, trust_env=False) for path in ("/lab", "/api/contents", "/api/kernels")}
    assert {path: one.status_code for path, one in answers.items()} == {
        "/lab": 302,
        "/api/contents": 403,
        "/api/kernels": 403,
    }
    assert answers["/lab"].headers["location"].startswith("/login")
    assert httpx.get(f"{base}/api/contents?token=guessed", trust_env=False).status_code == 403
    assert httpx.get(address, headers={"Host": "shop.example.org"}, trust_env=False).status_code == 403


def assert_no_outputs_are_stored(address: str) -> None:
    """What JupyterLab sends when it saves a notebook that was run, for each of them."""
    base, _, key = address.partition("/lab")[0], None, address.rpartition("token=")[2]
    headers = {"Authorization": f"token {key}"}
    with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=60) as http:
        for name in NAMES:
            path = f"/api/contents/{name}.py"
            model = http.get(path, params={"type": "notebook", "content": 1}).json()
            for cell in model["content"]["cells"]:
                if cell["cell_type"] == "code":
                    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "an output"}]
                    cell["execution_count"] = 1
            saved = http.put(path, json={"type": "notebook", "format": "json", "content": model["content"]})
            assert saved.status_code == 200, saved.text


def process_of(cli: Retail) -> psutil.Process:
    return psutil.Process(json.loads((cli.home.run / f"{NAME}.json").read_text())["pid"])


def assert_its_process_knows_the_reader_alone(cli: Retail) -> None:
    process = process_of(cli)
    secrets = json.loads((cli.home.path / "secrets.json").read_text())
    words = str(process.environ()) + str(process.cmdline())
    assert {name for name, word in secrets.items() if word in words} == {"notebook_key", "postgres_reader"}
    assert {name for name, word in secrets.items() if word in str(process.cmdline())} == set()
    listening = [one for one in process.net_connections() if one.status == psutil.CONN_LISTEN]
    assert {one.laddr.ip for one in listening} == {"127.0.0.1"}


def assert_a_notebook_cannot_write(cli: Retail, folder: Path) -> None:
    """With the variables that a kernel of JupyterLab has, whatever its cells try."""
    for one in FOLDER.glob("*.py"):
        if one.stem not in NAMES:
            (folder / one.name).symlink_to(one)
    (folder / "writing.py").write_text(WRITING)
    program = str(cli.home.path / "environments" / ENVIRONMENT / "bin" / "python")
    environment = {**process_of(cli).environ(), "PYTHONPATH": str(FOLDER)}
    done = subprocess.run(
        [program, str(SERVING / "run.py"), str(folder), str(folder / "writing.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert (said["cell"], said["section"]) == (4, "Can I?")
    assert said["error"].startswith("InsufficientPrivilege: permission denied for table sales_item")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.browser
def test_jupyterlab_opens_a_notebook_as_the_reader_for_who_has_the_key_and_leaves_the_files_as_they_are(
    cli: Retail, tmp_path: Path
) -> None:
    with cli.start("notebook", "01_tour_of_gold") as running:
        address = address_of(running)
        assert_only_who_has_the_key_gets_in(address)
        assert_its_process_knows_the_reader_alone(cli)
        assert_no_outputs_are_stored(address)
        if CHROMIUM:
            assert_a_browser_opens_and_runs_it(address, tmp_path)
        assert_a_notebook_cannot_write(cli, tmp_path)
        listed = {one["name"]: one for one in cli("status", "--json").json()["services"]}
        assert listed[NAME]["state"] == "running"
        assert listed[NAME]["address"] == address.replace("/tree/01_tour_of_gold.py", "")
        second = cli("notebook")
        assert (second.code, "another ./retail notebook is serving already" in second.err) == (1, True)
        kept = cli("env", "remove", ENVIRONMENT)
        assert (kept.code, f"the environment {ENVIRONMENT} is in use" in kept.err) == (1, True)
        assert running.press_ctrl_c() == 130
    assert cli.processes() == []
    assert NAME not in {one["name"] for one in cli("status", "--json").json()["services"]}
    if not CHROMIUM:
        pytest.skip("NOT PROVED: that a browser shows a notebook. There is no Chromium")


@pytest.mark.slow
def test_down_ends_jupyterlab(cli: Retail) -> None:
    with cli.start("notebook") as running:
        address_of(running)
        assert cli("down", "--json").json()["commands"] == [NAME]
        assert running.process.wait(60) == 128 + 15
    assert cli.processes() == []


# ---------------------------------------------------------------- what needs no JupyterLab


@pytest.fixture
def without() -> Iterator[Retail]:
    """A RETAIL_HOME in which nothing is installed, on a machine without a network."""
    nowhere = f"http://127.0.0.1:{free_port()}/simple"
    with retail(UV_DEFAULT_INDEX=nowhere, UV_HTTP_RETRIES="0", PIP_INDEX_URL=nowhere, PIP_RETRIES="0") as command:
        yield command


def test_a_taken_port_of_notebooks_is_refused_before_anything_is_installed(without: Retail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = without("notebook", NOTEBOOK_PORT=str(port))
    assert refused.code == 3
    assert f"NOTEBOOK_PORT={port} is taken" in refused.err
    assert not (without.home.path / "environments").exists()


@pytest.mark.parametrize("arguments", [["notebook"], ["notebook", "--run"]])
def test_the_owners_login_is_never_given_to_a_notebook(without: Retail, arguments: list[str]) -> None:
    refused = without(*arguments, DATABASE_URL="postgresql://me:mine@127.0.0.1:1/mine")
    assert refused.code == 3
    assert "READER_DATABASE_URL is not set" in refused.err
    assert not (without.home.path / "environments").exists()


def test_a_notebook_that_is_not_there_is_refused_with_those_that_are(without: Retail) -> None:
    refused = without("notebook", "--run", "06_dreams")
    assert refused.code == 3
    assert "there is no notebook '06_dreams'" in refused.err
    assert NAMES[0] in refused.err


def test_git_knows_no_output_of_a_notebook() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "notebooks"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True, env=os.environ
    )
    assert [one for one in listed.stdout.split() if one.endswith(".ipynb") or "checkpoint" in one] == []
    assert len(listed.stdout.split()) > len(NAMES)
