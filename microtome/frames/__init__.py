"""Examples as columns: Parquet, DataFrames, tf.Examples, and predictions that stand in them."""
