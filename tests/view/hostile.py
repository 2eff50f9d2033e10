"""Names and values that must be shown as what they are, and do nothing else."""

from __future__ import annotations

import math

from microtome.results.eval_result import EvalResult
from microtome.slicing.keys import slice_key

TEXTS = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "<!--",
    "]]>",
    "'\"`${alert(1)}",
    "a:b_X_c:d",
    "\u202eevil\u202c",
    "😀 é ṩ",
    "line\u2028two\u2029three\nfour\x00five",
    "\ud800 alone",
    "L" * 10_000,
    "__proto__",
    "constructor",
    "=1+1",
    "",
)
NUMBERS = (0.5, math.nan, math.inf, -math.inf, -0.0, 1e-300, 1e300, 0.1)


def value(number: float) -> dict[str, object]:
    """A number as results have it."""
    if math.isfinite(number):
        return {"doubleValue": number}
    return {
        "doubleValue": "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    }


def result() -> EvalResult:
    """A slice for each text, metrics of all of these names, and odd numbers in them."""
    slices = [((), 0), *((slice_key([(text, text)]), i) for i, text in enumerate(TEXTS, 1))]
    return EvalResult(
        slicing_metrics=[
            (
                key,
                {
                    "": {
                        "": {
                            "example_count": {"doubleValue": 1000.0 - i},
                            **{
                                f"m{text}": value(NUMBERS[(i + j) % len(NUMBERS)])
                                for j, text in enumerate(TEXTS)
                            },
                        }
                    }
                },
            )
            for key, i in slices
        ],
        model_location="models/<b>7</b>",
        data_location='data/"x"\ud800',
        output_path="",
    )
