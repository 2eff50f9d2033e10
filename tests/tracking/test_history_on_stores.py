"""The questions of `test_history`, asked of evaluations that stand in a store of each kind."""

from __future__ import annotations

import pytest

metadata_store_pb2 = pytest.importorskip("ml_metadata.proto.metadata_store_pb2")

from microtome.tracking import schema  # noqa: E402
from microtome.tracking.history import History  # noqa: E402
from microtome.tracking.stores import open_store  # noqa: E402
from tests.tracking import test_history  # noqa: E402
from tests.tracking.recorded import Launcher  # noqa: E402
from tests.tracking.test_history import numbers  # noqa: E402

QUESTIONS = (
    test_history.test_the_table_has_a_row_a_run_slice_and_metric,
    test_history.test_question_1_how_a_metric_went,
    test_history.test_question_2_against_the_previous_run,
    test_history.test_question_2_against_the_latest_blessed_and_the_best,
    test_history.test_less_loss_is_better,
    test_history.test_small_slices_and_small_changes_are_left_out_on_request,
    test_history.test_a_first_run_has_no_regressions,
    test_history.test_question_3_worst_slices,
    test_history.test_question_3_new_and_vanished_slices,
    test_history.test_question_5_by_model_and_by_data,
    test_history.test_question_7_verdicts,
    test_history.test_question_8_is_it_like_with_like,
)


def test_the_eight_questions(store_url):
    launcher = Launcher(open_store(store_url, writable=True), metadata_store_pb2)
    reasons = [{"slice": "carrier:UA"}]
    launcher.evaluate(1, numbers(0.80, 0.80, 0.9), verdict=schema.BLESSED)
    launcher.evaluate(2, numbers(0.82, 0.90), verdict=schema.NOT_BLESSED, reasons=reasons)
    launcher.evaluate(3, numbers(0.81, 0.70, 0.2))
    # of another pipeline, and not to be seen
    launcher.evaluate(3, numbers(0.99, 0.99, 0.99), pipeline="other", verdict=schema.BLESSED)
    history = History.open(store_url, pipeline="flights")
    for ask in QUESTIONS:
        ask(history)
