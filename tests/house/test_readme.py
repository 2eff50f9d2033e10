"""What the README says is so: its commands, its links and its code."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


# what a pipeline's author has before the component
NODES = """
from tfx.components.example_gen.import_example_gen.component import ImportExampleGen
from tfx.components.trainer.component import Trainer
from tfx.proto import trainer_pb2

example_gen = ImportExampleGen(input_base="data")
trainer = Trainer(
    run_fn="a.function",
    examples=example_gen.outputs["examples"],
    train_args=trainer_pb2.TrainArgs(num_steps=1),
    eval_args=trainer_pb2.EvalArgs(num_steps=1),
)
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.M | re.S)


def test_make_targets_are_there() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    named = set(re.findall(r"\bmake ([a-z0-9-]+)", "\n".join(blocks("sh"))))
    assert named >= {"demo", "test"}
    assert named <= targets


def test_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_python_runs(tmp_path: pathlib.Path, zoo_model) -> None:
    model = zoo_model("dnn_binary_v2")
    (tmp_path / "export").mkdir()
    (tmp_path / "export/eval_savedmodel").symlink_to(model.model_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/eval-00000.tfrecord").symlink_to(model.data_path)
    program = "\n".join([blocks("python")[0], NODES, *blocks("python")[1:]])
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "accuracy" in run.stdout
    assert list((tmp_path / "evaluation").glob("metrics*"))
