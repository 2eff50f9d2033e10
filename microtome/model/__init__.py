"""Reads EvalSavedModels of every age and cuts their metric graphs.

Synopsis:

    model = load_model(path)
    plan = make_plan(model, first_examples)            # how each metric is computed, and why
    evaluator = ModelEvaluator(load_model(path), plan, features=["country"])
    batch = evaluator.contributions(examples)          # what each row adds; summed per slice by
    microtome.slicing values = plan.lower.finish(sums_of_slices)         # {metric: [slices, ...]}

A metric graph is read in `structure` and cut in `cut`; `measure` and `locality` settle from a few
examples how its tensors hold the rows; `leaves` are what is summed; `lower` turns sums into values;
`check` compares all that with `reference`, the graph itself.
"""
