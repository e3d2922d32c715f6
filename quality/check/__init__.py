"""Checks: `rows` compiles a rule to a boolean expression of the scan, `batch` judges what needs more than one row."""
