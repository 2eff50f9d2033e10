"""Metrics of a user's own: where they may stand, how they travel, and what their errors say."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import microtome
from microtome import metrics
from microtome.errors import ConfigError, DataError
from microtome.executor.metric_makers import make_any_metric
from microtome.metrics import WEIGHTS, Floats, Metric, Rows, Sum, Sums, divide
from microtome.metrics import metric as metric_module
from microtome.metrics.collection import Collection, Computation
from microtome.metrics.views import View

pytestmark = pytest.mark.current

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS = 40
SPEC = {"label_key": "label", "prediction_key": "score"}


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten."""
    metric_module.registered_names()
    for name in ("_REGISTERED", "_MADE"):
        monkeypatch.setattr(metric_module, name, dict(getattr(metric_module, name)))


def frame(rows: int = ROWS) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "label": generator.integers(0, 2, rows).astype(float),
            "score": generator.random(rows),
            "price": generator.random(rows),
            "country": generator.choice(["de", "fr"], rows),
        }
    )


def config(*class_names: str | dict[str, str], **more: Any) -> dict[str, Any]:
    asked = [{"class_name": one} if isinstance(one, str) else one for one in class_names]
    return {
        "model_specs": [SPEC],
        "metrics_specs": [{"metrics": asked}],
        "slicing_specs": [{}, {"feature_keys": ["country"]}],
        **more,
    }


def values(result: microtome.EvalResult, name: str) -> dict[str, float]:
    """By country; "" is Overall."""
    return {
        ",".join(str(value) for _, value in key): float(found[name])
        for key, found in result.slices()
    }


def by_country(data: pd.DataFrame, value: Any) -> dict[str, float]:
    return {"": value(data), **{c: value(part) for c, part in data.groupby("country")}}


def root(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.sqrt(sums["squared"] / sums["weights"])


def test_functions_by_name() -> None:
    microtome.register_metric("rmse", {"squared": lambda r: (r.predictions - r.labels) ** 2}, root)
    microtome.register_metric(
        "mean_loss", lambda r: r.features["price"] * r.labels, features=["price"]
    )
    data = frame()
    result = microtome.analyze_raw_data(data, config("rmse", "mean_loss"))
    rmse = by_country(data, lambda d: float(np.sqrt(np.mean((d.score - d.label) ** 2))))
    assert values(result, "rmse") == pytest.approx(rmse)
    loss = by_country(data, lambda d: float(np.mean(d.price * d.label)))
    assert values(result, "mean_loss") == pytest.approx(loss)


def test_weights_count_in_functions() -> None:
    microtome.register_metric("bias", lambda r: r.predictions - r.labels)
    data = frame()
    asked = config("bias", model_specs=[{**SPEC, "example_weight_key": "price"}])
    expected = by_country(data, lambda d: float(np.average(d.score - d.label, weights=d.price)))
    found = values(microtome.analyze_raw_data(data, asked), "bias")
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("m", {"a": root, "b": root}), "2 are given, `compute` besides"),
        (("m", {}), "needs a function of rows"),
        (("m", {"weights": root}), "is that of the sum of the weights"),
        (("m", {"a": 3}), "'a' must be a function, it is 3"),
        (("m", root, "text"), "'compute' must be a function, it is 'text'"),
    ],
)
def test_functions_that_make_no_metric(arguments: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        microtome.register_metric(*arguments)


def test_setting_of_a_metric_of_functions() -> None:
    microtome.register_metric("bias", lambda r: r.predictions - r.labels)
    assert make_any_metric("bias", "", {"name": "mine"}).name == "mine"
    with pytest.raises(ConfigError, match="bias has no setting 'top'; it has: name"):
        make_any_metric("bias", "", {"top": 1})


def test_a_class_of_the_users_goes_before_ours() -> None:
    from dataclasses import dataclass

    @metrics.register
    @dataclass(frozen=True)
    class MeanLabel(metrics.Metric):
        name: str = "mean_label"
        parts = (metrics.LABELS,)

        def compute(self, sums: metrics.Sums) -> metrics.Floats:
            return -sums[metrics.LABELS]

    assert type(make_any_metric("MeanLabel", "", {})) is MeanLabel


def test_class_without_fields_is_told_what_it_lacks() -> None:
    with pytest.raises(ConfigError, match=r"Bare is no dataclass.*@dataclasses.dataclass"):

        @metrics.register
        class Bare(metrics.Metric):
            parts = ()

            def compute(self, sums: metrics.Sums) -> metrics.Floats:
                return np.zeros(0)


BESIDE = '''
"""Not registered: found by its module."""
import dataclasses
from microtome import metrics

def doubled(rows):
    return 2 * rows.predictions

@dataclasses.dataclass(frozen=True)
class MeanDoubled(metrics.Metric):
    name: str = "mean_doubled"
    times: float = 1.0
    parts = (metrics.Sum(doubled), metrics.WEIGHTS)

    def compute(self, sums):
        return self.times * metrics.divide(sums[metrics.Sum(doubled)], sums[metrics.WEIGHTS])

class NoMetric:
    pass
'''


@pytest.fixture
def beside(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    path = tmp_path / "beside_metrics.py"
    path.write_text(BESIDE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield path
    sys.modules.pop("beside_metrics", None)


def test_class_of_a_module(beside: pathlib.Path) -> None:
    data = frame()
    asked = {
        "class_name": "MeanDoubled",
        "module": "beside_metrics",
        "config": '"times": 3, "name": "six"',
    }
    found = values(microtome.analyze_raw_data(data, config(asked)), "six")
    assert found == pytest.approx(by_country(data, lambda d: float(6 * d.score.mean())))


@pytest.mark.parametrize(
    ("class_name", "module", "settings", "said"),
    [
        ("MeanDoubed", "beside_metrics", {}, "did you mean 'MeanDoubled'.*It has: MeanDoubled"),
        (
            "NoMetric",
            "beside_metrics",
            {},
            "is no metric: a class of builtins.object.*must be a subclass",
        ),
        ("doubled", "beside_metrics", {}, "is no metric: it is <function doubled"),
        ("MeanDoubled", "beside_metrics", {"x": 1}, "no setting 'x'; it has: name, times"),
        ("MeanDoubled", "no.such.module", {}, "'no.such.module' of the metric 'MeanDoubled' can"),
        ("Bleu", "", {}, "does not compute the metric 'Bleu'"),
        ("BinaryAcuracy", "", {}, "did you mean 'BinaryAccuracy'"),
        ("CosineSimilarty", "", {}, "did you mean 'CosineSimilarity'"),
    ],
)
def test_metric_that_is_not_there(
    beside: pathlib.Path, class_name: str, module: str, settings: Any, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        make_any_metric(class_name, module, settings)


@pytest.mark.parametrize("module", ["", "tf.keras.losses", "keras.src.losses"])
def test_losses_of_keras(module: str) -> None:
    data = frame()
    asked = {"class_name": "Huber", "module": module}
    result = microtome.analyze_raw_data(data, config(asked))
    expected = by_country(data, lambda d: float(np.mean((d.score - d.label) ** 2) / 2))
    (name,) = (n for n in next(iter(result.slices()))[1] if "huber" in n.lower())
    assert values(result, name) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("module", ["tf.keras.metrics", "keras.metrics.metrics"])
def test_a_metric_of_keras_that_is_ours_too(module: str) -> None:
    made = make_any_metric("AUC", module, {"dtype": "float32", "num_thresholds": 50})
    assert made == metric_module.make_metric("AUC", {"num_thresholds": 50})


def test_tensorflow_stays_away() -> None:
    program = """
        import sys
        import pandas as pd
        import microtome
        microtome.register_metric("bias", lambda rows: rows.predictions - rows.labels)
        frame = pd.DataFrame({"label": [0.0, 1.0], "score": [0.5, 0.75]})
        result = microtome.analyze_raw_data(frame, {
            "model_specs": [{"label_key": "label", "prediction_key": "score"}],
            "metrics_specs": [{"metrics": [{"class_name": "bias"}, {"class_name": "AUC"}]}],
        })
        print(next(iter(result.slices()))[1]["bias"], "tensorflow" in sys.modules)
    """
    assert run(program).split() == ["0.125", "False"]


def run(program: str, folder: pathlib.Path | None = None) -> str:
    """What a program prints that is a script of a folder, started elsewhere."""
    text = textwrap.dedent(program)
    command = [sys.executable, "-W", "ignore", "-c", text]
    if folder is not None:
        (folder / "main.py").write_text(text)
        command[3:] = [str(folder / "main.py")]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=str(ROOT),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


SCRIPT = """
    import dataclasses, json, sys
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    import beside_metrics
    import microtome
    from microtome import metrics
    from microtome.executor import user_code

    def error(rows):
        return rows.predictions - rows.labels

    @metrics.register
    @dataclasses.dataclass(frozen=True)
    class OfMain(metrics.Metric):
        name: str = "of_main"
        parts = (metrics.Sum(error), metrics.WEIGHTS)

        def compute(self, sums):
            return metrics.divide(sums[metrics.Sum(error)], sums[metrics.WEIGHTS])

    if __name__ == "__main__":
        folder = sys.argv[0].rpartition("/")[0]
        user_code.load_module_file(folder + "/of_file.py")
        microtome.register_metric("of_lambda", lambda rows: error(rows))
        asked = ["OfMain", "of_lambda", "OfFile"]
        config = {
            "model_specs": [{"label_key": "label", "prediction_key": "score"}],
            "metrics_specs": [{"metrics": [
                *({"class_name": one} for one in asked),
                {"class_name": "MeanDoubled", "module": "beside_metrics"},
            ]}],
            "slicing_specs": [{}],
        }
        options = PipelineOptions(
            ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
        )
        result = microtome.run_model_analysis(
            None, folder + "/*.parquet", "parquet", eval_config=config, pipeline_options=options
        )
        print(json.dumps({k: float(v) for k, v in next(iter(result.slices()))[1].items()}))
        out = folder + "/own"
        rows = [{"label": i % 2 * 1.0, "score": i / 8} for i in range(8)]
        with beam.Pipeline(options=options) as pipeline:
            _ = (
                pipeline
                | beam.Create(rows)
                | microtome.ExtractEvaluateAndWriteResults(None, out, eval_config=config)
            )
        found = next(iter(microtome.load_eval_result(out).slices()))[1]
        print(json.dumps({k: float(v) for k, v in found.items()}))
"""

OF_FILE = """
import dataclasses
from microtome import metrics

SIGN = -1.0


def error(rows):
    return SIGN * (rows.predictions - rows.labels)


@metrics.register
@dataclasses.dataclass(frozen=True)
class OfFile(metrics.Metric):
    name: str = "of_file"
    parts = (metrics.Sum(error), metrics.WEIGHTS)

    def compute(self, sums):
        return metrics.divide(sums[metrics.Sum(error)], sums[metrics.WEIGHTS])
"""


def test_they_travel_to_processes_that_do_not_have_them(tmp_path: pathlib.Path) -> None:
    """Of a script, of a file beside it, of a module file, and a lambda; two processes work."""
    (tmp_path / "beside_metrics.py").write_text(BESIDE)
    (tmp_path / "of_file.py").write_text(OF_FILE)
    data = frame()
    for number in range(2):
        part = pa.Table.from_pandas(data[number::2], preserve_index=False)
        parquet.write_table(part, tmp_path / f"{number}.parquet")
    of_files, of_rows = map(json.loads, run(SCRIPT, tmp_path).splitlines())
    error = (data.score - data.label).mean()
    names = ("of_main", "of_lambda", "of_file", "mean_doubled")
    assert [of_files[name] for name in names] == pytest.approx(
        [error, error, -error, 2 * data.score.mean()]
    )
    assert [of_rows[name] for name in names] == pytest.approx([-0.0625, -0.0625, 0.0625, 0.875])


def refusing(rows: metrics.Rows) -> np.ndarray:
    if (rows.predictions > 1).any():
        raise ValueError("a score is above 1")
    return rows.predictions


def test_rows_that_a_metric_raises_of(tmp_path: pathlib.Path) -> None:
    data = frame()
    for number in range(2):
        part = data.copy()
        # in the second batch of the second file
        part.loc[25, "score"] = 7.0 if number else 0.5
        table = pa.Table.from_pandas(part, preserve_index=False)
        parquet.write_table(table, tmp_path / f"eval-0{number}.parquet", row_group_size=16)
    metrics.register_metric("careful", refusing)
    with pytest.raises(DataError) as raised:
        microtome.run_model_analysis(
            None,
            str(tmp_path / "*.parquet"),
            "parquet",
            eval_config=config("careful", options={"batch_size": 16}),
        )
    where = str(tmp_path / "eval-01.parquet")
    assert str(raised.value) == (
        f"The metric 'careful' cannot be computed from rows 16 to 31 of {where!r}: ValueError: a "
        "score is above 1"
    )


def test_rows_of_no_file_that_a_metric_raises_of(tmp_path: pathlib.Path) -> None:
    import apache_beam as beam

    metrics.register_metric("careful", refusing)
    rows = [{"label": 1.0, "score": 7.0, "country": "de"}] * 3
    said = (
        r"'careful' cannot be computed from 3 rows, the first of them \(\{'label': 1.0, "
        r"'score': 7.0.*\): ValueError: a score is above 1"
    )
    with pytest.raises(Exception, match=said), beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(rows)
            | microtome.ExtractEvaluateAndWriteResults(
                None, str(tmp_path / "out"), eval_config=config("careful")
            )
        )


def test_rows_of_a_frame_that_a_metric_raises_of() -> None:
    data = frame()
    data.loc[25, "score"] = 7.0
    metrics.register_metric("careful", refusing)
    with pytest.raises(DataError, match="from rows 16 to 31 of 'the data': ValueError: a score"):
        microtome.analyze_raw_data(data, config("careful", options={"batch_size": 16}))


def test_a_value_that_cannot_be_computed() -> None:
    def failing(sums: Mapping[str, np.ndarray]) -> np.ndarray:
        raise ZeroDivisionError("no rows")

    metrics.register_metric("failing", {"scores": refusing}, failing)
    said = "'failing' cannot be computed from the sums of . slices?, '.*' first: ZeroDivisionError"
    with pytest.raises(DataError, match=said):
        microtome.analyze_raw_data(frame(), config("failing"))


@pytest.mark.parametrize(
    ("of", "compute", "said"),
    [
        (lambda r: 1.0, None, r"gives the shape \[\] for 40 rows; it must give one number a row"),
        (lambda r: r.labels[:, None], None, r"gives the shape \[40, 1\] for 40 rows"),
        (lambda r: r.labels, lambda s: 1.0, r"compute gives the shape \[\]; it must give one val"),
    ],
)
def test_functions_of_the_wrong_shape(of: Any, compute: Any, said: str) -> None:
    metrics.register_metric("wrong", {"of": of}, compute)
    with pytest.raises(DataError, match=f"'wrong' cannot be computed from .*{said}"):
        microtome.analyze_raw_data(frame(), config("wrong"))


def test_a_class_of_a_script_that_travels_in_one_process() -> None:
    """Where it arrives in the process that sent it, it overwrites what was sent."""

    def error(rows: Rows) -> Floats:
        return rows.predictions - rows.labels

    @dataclasses.dataclass(frozen=True)
    class OfScript(Metric):
        name: str = "of_script"
        parts = (Sum(error), WEIGHTS)

        def compute(self, sums: Sums) -> Floats:
            return divide(sums[Sum(error)], sums[WEIGHTS])

    collection = Collection((Computation("it", OfScript(), (View(),)),))
    sums = np.array([[1.0, 2.0]])
    assert collection.compute(sums)["it"] == [0.5]
    travelled = pickle.loads(pickle.dumps(collection))
    for each in (travelled, collection, travelled):
        assert each.compute(sums)["it"] == [0.5]
