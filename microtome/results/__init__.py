"""The result of an evaluation: written, loaded, shown.

`writer` and `loader` are where to begin; `eval_result` is what is loaded.
"""
