"""The page, the frame and the table show hostile data as text, within their budget."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html.parser
import json
import re

import numpy as np
import pytest

from microtome.errors import OutputError
from microtome.results.eval_result import EvalResult
from microtome.view import budget, contract, frame, page, static_table
from microtome.view.numbers import unpacked
from tests.view import hostile
from tests.view.schema import checked

pytestmark = pytest.mark.current


class Reader(html.parser.HTMLParser):
    """What a browser would see in a page: its elements, their attributes, their texts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements = []
        self.texts = {}
        self._open = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = len(self.elements) - 1

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, data):
        self.texts[self._open] = self.texts.get(self._open, "") + data

    def named(self, tag):
        return [
            (attributes, self.texts.get(i, ""))
            for i, (name, attributes) in enumerate(self.elements)
            if name == tag
        ]


def embedded(text):
    """The report that stands in a page."""
    (attributes, content), *_ = Reader(text).named("script")
    assert attributes["id"] == "microtome-report"
    if attributes.get("data-encoding") == "gzip":
        assert attributes["type"] == "application/octet-stream;base64"
        content = gzip.decompress(base64.b64decode(content))
    else:
        assert attributes["type"] == "application/json"
    return json.loads(content)


def assert_harmless(text, scripts):
    reader = Reader(text)
    tags = {tag for tag, _ in reader.elements}
    allowed = "html head meta title style body main script div b table thead tbody tr th td"
    assert tags <= {*allowed.split(), "iframe", "details", "summary"}
    assert len(reader.named("script")) == scripts
    names = {name for _, attributes in reader.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("href", "src")]


@pytest.fixture(scope="module")
def hostile_report():
    return contract.report_of(hostile.result())


def test_the_page_holds_the_report_its_script_and_what_unpacks_it(hostile_report):
    text = page.to_page(hostile_report)
    assert_harmless(text, scripts=3)
    assert embedded(text) == checked(hostile_report)
    text.encode("utf-8")
    # as in a browser, which ends a script at the first of these
    assert text.lower().count("</script") == 3
    assert "<!--" not in text


def test_the_page_may_do_nothing_else():
    text = page.to_page(contract.report_of(EvalResult([((), {})])))
    reader = Reader(text)
    policies = [a["content"] for a, _ in reader.named("meta") if "http-equiv" in a]
    (policy,) = policies
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["connect-src"] == "'none'"
    scripts = [reader.named("script")[-1][1], app_of(reader)]
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    assert rules["script-src"] == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert not re.search(r"https?://(?!www\.w3\.org/)", re.sub(r"<script.*?</script>", "", text))


def test_the_frame_holds_the_page_and_a_table(hostile_report):
    inner = page.to_page(hostile_report)
    table = static_table.to_html(hostile_report)
    text = frame.in_frame(inner, table, hostile_report["title"])
    assert_harmless(text, scripts=1)
    ((attributes, _),) = Reader(text).named("iframe")
    assert attributes["srcdoc"] == inner
    assert attributes["sandbox"] == "allow-scripts allow-downloads"
    assert table in text
    assert "<script>" not in frame.in_frame(inner, table, "", height=300)


def test_the_table_shows_texts_as_they_are(hostile_report):
    table = static_table.to_html(hostile_report)
    assert_harmless(table, scripts=0)
    cells = [text for _, text in Reader(table).named("td")]
    assert any(cell.startswith("<script>alert(1)") for cell in cells)
    # not a whole name of 10 kB
    assert max(map(len, cells)) < 100
    assert all(text.isprintable() for text in cells)
    assert all(line.isprintable() for line in static_table.to_text(hostile_report).split("\n"))


def sliced(count, plots=0):
    """A result whose slices grow, with metrics that do not compress."""
    generator = np.random.default_rng(1)
    keys = [(), *((("slice", i),) for i in range(1, count))]
    values = generator.random((count, 6))
    items = [
        (
            key,
            {
                "": {
                    "": {
                        "example_count": {"doubleValue": float(i if i else 10 * count)},
                        **{f"m{j}": {"doubleValue": float(v)} for j, v in enumerate(values[i])},
                        "big": {"debugMessage": f"why {i}"},
                    }
                }
            },
        )
        for i, key in enumerate(keys)
    ]
    buckets = [
        {"numWeightedExamples": float(weight), "totalWeightedLabel": float(label)}
        for weight, label in generator.random((2000, 2))
    ]
    of_slice = {"": {"": {"calibrationHistogramBuckets": {"buckets": buckets}}}}
    return EvalResult(items, plots=[(key, of_slice) for key in keys[:plots]])


def test_a_small_report_stays_readable_and_a_large_one_is_compressed():
    small = page.to_page(contract.report_of(sliced(50)))
    assert '"schema":"report/1"' in small
    report = contract.report_of(sliced(5000))
    large = page.to_page(report)
    assert 'data-encoding="gzip"' in large
    assert embedded(large) == checked(report)


def test_plots_are_left_out_first_those_of_small_slices_before_others():
    report = contract.report_of(sliced(30, plots=20), max_plot_slices=None)
    whole = len(budget.embedded(budget.encode(report))[0])
    fitted = checked(budget.fit(report, whole // 2))
    assert len(budget.embedded(budget.encode(fitted))[0]) <= whole // 2
    kept = {plot["slice"] for plot in fitted["plots"]}
    assert 3 < len(kept) < 20
    assert "Overall" in kept
    # the largest of those that had one
    assert kept - {"Overall"} == {f"slice:{i}" for i in range(20 - len(kept) + 1, 20)}
    assert fitted["slices"] == report["slices"]
    assert f"The plots of {20 - len(kept)} slices" in fitted["omitted"][0]["why"]
    assert fitted["plot_slices"] == report["plot_slices"]


def test_then_the_smallest_slices_are_left_out():
    report = contract.report_of(sliced(3000, plots=3))
    fitted = checked(budget.fit(report, 60_000))
    assert len(budget.embedded(budget.encode(fitted))[0]) <= 60_000
    names = fitted["slices"]["name"]
    assert names[0] == "Overall"
    assert names[1:] == [f"slice:{i}" for i in range(3000 - len(names) + 1, 3000)]
    (run,) = fitted["runs"]
    assert not run["complete"]
    assert not fitted.get("plots")
    assert re.search(r"The smallest [\d,]+ of 3,000 slices", fitted["omitted"][-1]["why"])
    whole = unpacked(report["values"]["r1"]["m3"]["v"])
    kept = unpacked(fitted["values"]["r1"]["m3"]["v"])
    np.testing.assert_array_equal(kept, np.r_[whole[0], whole[-len(names) + 1 :]])
    assert fitted["complex"]["r1"]["big"]["1"] == {"debugMessage": f"why {3000 - len(names) + 1}"}


def test_the_page_keeps_its_budget():
    limit = len(page.bundle("page.js").encode()) + 60_000
    text = page.to_page(contract.report_of(sliced(3000, plots=3)), max_bytes=limit)
    assert len(text.encode()) <= limit
    assert embedded(text)["omitted"]


def test_what_fits_is_left_as_it_is():
    report = contract.report_of(sliced(30, plots=2))
    assert budget.fit(report, 10**7) is report


def test_a_script_that_is_not_built_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(page, "_STATIC", str(tmp_path))
    with pytest.raises(OutputError, match="make frontend"):
        page.to_page(contract.report_of(EvalResult([((), {})])))


def test_a_script_arrives_as_it_is_whatever_is_in_it(monkeypatch, tmp_path):
    (tmp_path / "page.js").write_bytes(b"const a = '</script><!-- x';\r\nconst b = 1;\n")
    monkeypatch.setattr(page, "_STATIC", str(tmp_path))
    text = page.to_page(contract.report_of(EvalResult([((), {})])))
    assert app_of(Reader(text)) == "const a = '</script><!-- x';\nconst b = 1;\n"


def app_of(reader: Reader) -> str:
    (packed,) = [body for a, body in reader.named("script") if a.get("id") == "microtome-app"]
    return gzip.decompress(base64.b64decode(packed)).decode()
