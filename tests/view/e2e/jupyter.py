"""A real Jupyter server, and notebooks in JupyterLab or Notebook, driven by their keyboards."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import pathlib
import re
import subprocess
from collections.abc import Iterator, Sequence

import nbformat
from playwright.sync_api import Locator, Page, expect

from tests.conftest import ROOT
from tests.view.e2e.processes import HOST, running

TOKEN = "token-of-the-tests"
# the folder of each environment, and the ipywidgets in it
ENVIRONMENTS = {"ipywidgets-7": ".venv", "ipywidgets-8": ".venv-current"}
FRONT_ENDS = ("lab", "notebook")
NUMBERS = itertools.count(1)
# of the first cell: a kernel starts and imports pandas
CELL_MILLISECONDS = 90_000
ATTEMPTS = 5


class NotInstalledError(Exception):
    """An environment is not there; the text says how it comes there."""


@dataclasses.dataclass
class Jupyter:
    """A running server.

    Attributes:
        origin: such as `http://127.0.0.1:80`.
        folder: of its notebooks.
    """

    origin: str
    folder: pathlib.Path

    def url(self, front_end: str, cells: Sequence[str]) -> str:
        """The address of a new notebook of these cells, in `lab` or `notebook`."""
        number = next(NUMBERS)
        name = f"notebook-{number}.ipynb"
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, self.folder / name)
        # a workspace of its own: Lab would restore the tabs of the one before
        place = f"lab/workspaces/w{number}/tree" if front_end == "lab" else "notebooks"
        return f"{self.origin}/{place}/{name}?token={TOKEN}"


@contextlib.contextmanager
def jupyter(environment: str, folder: pathlib.Path) -> Iterator[Jupyter]:
    """Runs the Jupyter server of an environment, which serves JupyterLab and Notebook.

    Raises:
        NotInstalledError: the environment is not there.
    """
    python = ROOT / ENVIRONMENTS[environment] / "bin/python"
    target = "estimator" if ENVIRONMENTS[environment] == ".venv" else "current"
    if not python.exists():
        raise NotInstalledError(f"no {python.relative_to(ROOT)} here: `make {target}` makes it")
    if subprocess.run([python, "-c", "import notebook, anywidget"], capture_output=True).returncode:
        raise NotInstalledError(f"no Notebook in {ENVIRONMENTS[environment]}: `make {target}`")
    notebooks = folder / "notebooks"
    notebooks.mkdir(parents=True)
    own = {"HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "PYTHON"))}
    command = [
        *(str(python), "-m", "notebook", "--no-browser", f"--ip={HOST}", "--port=0"),
        *(["--allow-root"] if os.geteuid() == 0 else []),
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={notebooks}",
        # the page asks nobody for news
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdates",
    ]
    variables = {**kept, **{name: str(folder / name.lower()) for name in own}}
    (folder / "home").mkdir()
    pattern = rf"http://{HOST}:\d+(?=/)"
    with running(command, folder / "log", pattern, variables) as origin:
        yield Jupyter(origin, notebooks)


# whether the kernel of the page's notebook is idle, and somebody listens to it
_IS_CONNECTED = """async (token) => {
  const name = location.pathname.split("/").pop();
  const answer = await fetch("/api/sessions", {headers: {Authorization: `token ${token}`}});
  const session = (await answer.json()).find((one) => one.path === name);
  return session && session.kernel.connections > 0 && session.kernel.execution_state === "idle";
}"""


def complains_of_ours(complaint: str) -> bool:
    """Whether a complaint of a notebook's page is about a widget; Jupyter's own are not ours."""
    return any(word in complaint for word in ("blob:", "anywidget", "microtome", "widget"))


class Notebook:
    """A notebook that is open in a page."""

    def __init__(self, page: Page):
        self.page = page
        self.cells = page.locator(".jp-Notebook .jp-CodeCell")
        self._ran = 0
        page.wait_for_function(_IS_CONNECTED, arg=TOKEN, timeout=CELL_MILLISECONDS, polling=200)
        idle = page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        idle.first.wait_for(timeout=CELL_MILLISECONDS)

    def run(self, index: int) -> Locator:
        """Runs a cell, waits until it is done, and returns its output."""
        cell = self.cells.nth(index)
        prompt = cell.locator(".jp-InputArea-prompt")
        self._ran += 1
        for _ in range(ATTEMPTS):
            cell.locator(".jp-InputArea-editor").click()
            self.page.keyboard.press("Control+Enter")
            # Lab shows an idle kernel before it talks to one, and what is run then is never run
            with contextlib.suppress(AssertionError):
                expect(prompt).to_have_text(re.compile(rf"\[(\*|{self._ran})\]:"), timeout=4000)
                break
        expect(prompt).to_have_text(f"[{self._ran}]:", timeout=CELL_MILLISECONDS)
        return cell.locator(".jp-OutputArea").first

    def text(self, index: int) -> str:
        """What a cell prints when it is run."""
        return self.run(index).locator(".jp-OutputArea-output").first.inner_text().strip()
