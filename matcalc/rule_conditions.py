"""The words for conditions in rules, and what an answer says."""

from __future__ import annotations

CONDITIONS = {
    **{word: f"{{}} {word}" for word in ("invertible", "nonnegative", "nonzero", "positive", "spd")},
    "entries_nonzero": "entries of {} nonzero",
    "full_rank": "{} of full rank",
    "full_column_rank": "{} of full column rank",
    "full_row_rank": "{} of full row rank",
    "nonzero_minors": "leading minors of {} nonzero",
    "no_opposite_eigenvalues": "no eigenvalue of {} opposite to one of the other matrix of sylvester",
    "one_largest": "one entry of {} larger than all others",
    "simple_largest": "largest eigenvalue of {} simple",
    "simple_smallest": "smallest eigenvalue of {} simple",
    "simple_leading": "leading eigenvalue of {} real and simple",
    "distinct_eigenvalues": "eigenvalues of {} distinct",
    "simple_largest_singular": "largest singular value of {} simple",
    "distinct_singular": "singular values of {} distinct and nonzero",
    "regular": "{} a regular solution",
    "distinct_entries": "entries of {} distinct",
    "distinct_rows": "rows of {} distinct",
}
