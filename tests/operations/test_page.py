"""`docs/operations.md` names tests that are there, and exit statuses that the command line has."""

from __future__ import annotations

import ast
import re

from microtome.cli import entry
from tests.conftest import ROOT

PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def test_tests_that_are_named_are_there():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > 15
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert not name or name in functions, f"{path}::{name}"


def test_every_row_of_the_table_names_a_test_or_a_page():
    table = PAGE.partition("| what happens |")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines()[2:] if not line.startswith("| **")]
    assert len(rows) > 15
    assert [row for row in rows if "tests/" not in row and ".md" not in row] == []


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([\w./]+)(?:#[\w-]+)?\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target


def test_exit_statuses():
    told = dict(re.findall(r"^\| `(\d+)` \| (.*) \|$", PAGE, re.MULTILINE))
    assert set(told) == {"0", "1", "2", "130"}
    assert f"{entry.FAILED}" in told
