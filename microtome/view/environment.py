"""Where the views are shown: a live notebook, an executed one, a terminal."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any

WIDGET, HTML, TEXT = "widget", "html", "text"
MODES = ("auto", WIDGET, HTML, TEXT)
# Says the mode where it is not told right.
VARIABLE = "MICROTOME_VIEW"

# Programs that execute notebooks and keep what they show, with nobody to click.
_EXECUTORS = {
    *("nbconvert", "jupyter-nbconvert", "papermill", "jupyter-execute", "jupyter-run", "quarto"),
    *("jcache", "jupyter-cache"),
}
# Programs that show notebooks to people.
_FRONT_ENDS = {"jupyter-lab", "jupyter-notebook", "jupyter-server", "jupyterhub-singleuser"}
# Set by front ends in the kernels that they start.
_LIVE = ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD", "DEEPNOTE_PROJECT_ID")


def detect() -> str:
    """How views are best shown here: `WIDGET`, `HTML` or `TEXT`."""
    told = os.environ.get(VARIABLE, "")
    if told in (WIDGET, HTML, TEXT):
        return told
    if _in_marimo():
        return _widget_or_html()
    shell = _shell()
    if shell is None or type(shell).__name__ == "TerminalInteractiveShell":
        return TEXT
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return HTML
    if "google.colab" in sys.modules:
        return _widget_or_html()
    if getattr(shell, "kernel", None) is None:
        # a shell without a front end, such as a test's
        return TEXT
    return _widget_or_html() if _is_live(shell) else HTML


def _is_live(shell: Any) -> bool:
    if "PAPERMILL_INPUT_PATH" in os.environ or os.environ.get("KAGGLE_KERNEL_RUN_TYPE") == "Batch":
        return False
    # What started the kernel says it best: an executor that runs within a live notebook inherits
    # that one's variables.
    starter = _starter()
    if starter & _EXECUTORS:
        return False
    if starter & _FRONT_ENDS:
        return True
    if "__vsc_ipynb_file__" in getattr(shell, "user_ns", {}):
        return True
    return any(name in os.environ for name in (*_LIVE, "KAGGLE_KERNEL_RUN_TYPE"))


def _starter() -> set[str]:
    """How the command line of the program that started the kernel begins, without folders."""
    try:
        import psutil

        pid = int(os.environ.get("JPY_PARENT_PID", "0")) or os.getppid()
        # `python -m program` has the name in the third place
        return {os.path.basename(part) for part in psutil.Process(pid).cmdline()[:3]}
    except Exception:
        # an optional package, and a process that may be gone or another user's
        return set()


def _shell() -> Any:
    """IPython's shell, if code runs in one."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


def _in_marimo() -> bool:
    marimo = sys.modules.get("marimo")
    try:
        return marimo is not None and bool(marimo.running_in_notebook())
    except AttributeError:
        return False


def _widget_or_html() -> str:
    return WIDGET if importlib.util.find_spec("anywidget") is not None else HTML
