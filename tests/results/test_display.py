"""The printed table, verbatim; and HTML that says no more than it should."""

import html.parser
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microtome.proto.config_pb2 import EvalRun
from microtome.results import EvalResult, load_eval_result
from microtome.results.display import to_html, to_text
from microtome.results.records import metrics_of
from microtome.results.values import metrics_for_slice
from tests.results.made import write

pytestmark = pytest.mark.current

COUNT, WEIGHT = "post_export_metrics/example_count", "post_export_metrics/example_weight"


def result_of(slices, **places) -> EvalResult:
    return EvalResult(
        [(key, metrics_of(metrics_for_slice(key, m), None)) for key, m in slices.items()], **places
    )


def test_table():
    slices = {
        (("carrier", "AA"),): {"accuracy": 0.5, "loss": 3.5, COUNT: 100.0, WEIGHT: 100.0},
        (): {"accuracy": 0.75, "loss": 4e-7, COUNT: 336776.0, WEIGHT: 336776.0},
        (("carrier", "日本"),): {"accuracy": math.nan, "loss": 0.0, COUNT: 200.0, WEIGHT: 200.0},
        (("day", 10),): {"accuracy": 1.0, "loss": math.inf, COUNT: 100.0, WEIGHT: 100.0},
        (("day", 9),): {"accuracy": 1.0, "loss": 2.0, COUNT: 100.0, WEIGHT: 100.0},
        (("distance", float(np.float32(0.1))), ("x", "a\nb\x1b[31m")): {
            "matrix": np.eye(2),
            COUNT: 1.0,
        },
    }
    result = result_of(slices, model_location="/models/7", data_location="/data/eval-*")
    assert str(result) == "\n".join(
        [
            "EvalResult: 6 slices, 5 metrics",
            "model: /models/7",
            "data:  /data/eval-*",
            "",
            "slice                            examples  accuracy       loss  example_weight",
            "Overall                           336,776    0.7500  4.000e-07         336,776",
            "carrier:日本                          200       nan     0.0000             200",
            "carrier:AA                            100    0.5000     3.5000             100",
            "day:9                                 100    1.0000     2.0000             100",
            "day:10                                100    1.0000        inf             100",
            r"distance_X_x:0.1_X_a\nb\x1b[31m         1",
            "",
            "not single numbers: matrix",
        ]
    )
    assert repr(result) == str(result)


def test_large_results_are_cut_and_say_so():
    slices = {(("n", i),): {"m": i / 7, COUNT: float(i), WEIGHT: float(i)} for i in range(1000)}
    lines = str(result_of({(): {"m": 0.5, COUNT: 5.0, WEIGHT: 5.0}, **slices})).splitlines()
    assert lines[0] == "EvalResult: 1,001 slices, 3 metrics"
    assert lines[2].split() == ["slice", "examples", "m"]
    assert [line.split()[0] for line in lines[3:6]] == ["Overall", "n:999", "n:998"]
    assert len(lines) == 3 + 20 + 2
    assert lines[-1] == "… and 981 more slices: see to_dataframe()"
    assert len(result_of(slices).to_string(max_rows=None).splitlines()) == 1003


def test_columns_that_do_not_fit_are_named():
    metrics = {f"metric/{i}": 0.5 for i in range(30)}
    text = result_of({(): metrics}).to_string(max_width=60)
    table, _, notes = text.partition("\n\nmore metrics: ")
    assert max(map(len, table.splitlines())) <= 60
    shown = table.splitlines()[2].split()[1:]
    assert sorted(shown + notes.split(", ")) == sorted(metrics)
    assert shown


def test_outputs_and_classes_have_columns(make_directory):
    record = """slice_key {}
      metric_keys_and_values { key { name: "auc" output_name: "head" }
                               value { double_value { value: 0.25 } } }
      metric_keys_and_values { key { name: "auc" output_name: "head"
                                     sub_key { class_id { value: 3 } } }
                               value { double_value { value: 0.5 } } }
      metric_keys_and_values { key { name: "example_count" output_name: "head" }
                               value { double_value { value: 7 } } }"""
    text = str(load_eval_result(make_directory("{}", metrics=[record])))
    assert "slice    examples  head/auc  head/auc (classId:3)  head/example_count" in text
    assert "Overall         7    0.2500                0.5000                   7" in text


def test_empty_results_print():
    assert str(EvalResult([])) == "EvalResult: 0 slices, 0 metrics"
    assert "0 slices" in EvalResult([])._repr_html_()
    assert "Overall" in str(result_of({(): {}}))


def test_long_names_are_shortened():
    text = str(result_of({(("x", "y" * 100),): {"m" * 100: 0.5}}))
    assert "x:" + "y" * 41 + "…" in text
    assert "m" * 43 + "…" in text
    assert "y" * 43 not in text


class Reader(html.parser.HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts = set(), set(), []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attributes)

    def handle_data(self, data):
        self.texts.append(data)


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></table><h1>",
    "&lt;b&gt;",
    "'; DROP TABLE",
    "\u202eevil\u2066",
    "{{7*7}}",
]


@pytest.mark.parametrize("evil", HOSTILE)
def test_html_escapes_what_the_data_says(tmp_path, evil):
    run = EvalRun(data_location=evil, model_locations={"": evil})
    path = write(tmp_path / "result", {((evil, evil),): {evil: 0.5, f"{evil}s": evil}})
    result = load_eval_result(path)
    result.data_location, result.model_location = run.data_location, run.model_locations[""]
    seen = Reader(result._repr_html_())
    assert seen.tags == {"div", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert seen.attributes == {"style"}
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in evil)
    texts = [text.strip() for text in seen.texts]
    # as model, as data and as a metric; and, perhaps shortened, as slice and as another metric
    assert texts.count(printable) == 3
    assert "".join(texts).count(printable[:20]) >= 5


@given(
    st.lists(st.tuples(st.text(), st.one_of(st.text(), st.floats(), st.integers())), max_size=2),
    st.dictionaries(st.text(), st.one_of(st.floats(), st.text()), max_size=3),
    st.text(),
)
def test_any_names_make_a_table(columns, metrics, place):
    from microtome.slicing.keys import slice_key

    key = slice_key(dict(columns).items())
    named = {name.encode("utf-8", "replace").decode(): value for name, value in metrics.items()}
    clean = tuple((c.encode("utf-8", "replace").decode(), value) for c, value in key)
    result = result_of({clean: named}, data_location=place)
    text = to_text(result, 20, 100)
    assert text.isprintable() or {c for c in text if not c.isprintable()} == {"\n"}
    seen = Reader(to_html(result))
    assert seen.tags <= {"div", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert seen.attributes == {"style"}


def test_html_holds_all_columns_and_more_rows():
    slices = {(("n", i),): {f"metric/{j}": i + j / 7 for j in range(30)} for i in range(60)}
    page = result_of(slices)._repr_html_()
    seen = Reader(page)
    assert "metric/29" in seen.texts
    assert page.count("<tr>") == 51
    assert "… and 10 more slices: see to_dataframe()" in seen.texts
