"""How sure numbers are: intervals, comparisons, many tests at once. Numbers in, numbers out."""
