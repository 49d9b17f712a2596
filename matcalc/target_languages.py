"""The languages that code is written in: what surrounds the lines of a program."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sympy import Expr

from matcalc.code_sheets import Language, Sheet
from matcalc.column_major_self_tests import JULIA_TEST, MATLAB_TEST, column_major_self_test
from matcalc.expressions import Variable
from matcalc.julia_code import JULIA
from matcalc.julia_functions import julia_document, julia_function, julia_result, size_line
from matcalc.matlab_code import MATLAB
from matcalc.matlab_functions import matlab_document, matlab_function, matlab_result, matlab_size_line
from matcalc.matrix_function_code import HELPERS as FUNCTION_HELPERS
from matcalc.matrix_function_code import JAX_FUNCTIONS, opaque
from matcalc.numpy_code import NUMPY, result
from matcalc.numpy_factorizations import HELPERS
from matcalc.programs import Value
from matcalc.self_tests import TORCH_SETTING, self_test
from matcalc.size_sources import size_formula
from matcalc.torch_code import HELPERS as TORCH_HELPERS
from matcalc.torch_code import TORCH, torch_result

INDENT = "    "


@dataclass(frozen=True)
class Target:
    """A language, and how a function, its documentation and its imports are written in it."""

    name: str
    language: Language
    function: Callable[[str, Sequence[str], Sequence[str], Sequence[str], Sequence[str], Sequence[str]], list[str]]
    document: Callable[[Sheet, Sequence[str], str], str]
    result: Callable[[Sheet, Value, bool], str]
    size_line: Callable[[str, str, Variable, int, Expr], str]
    row_line: str
    options: Mapping[str, Any] = field(default_factory=dict)
    self_test: Callable[..., str] = self_test
    names_outputs: bool = False
    """Whether the head of a function names what it returns."""


def python_function(
    name: str,
    arguments: Sequence[str],
    description: Sequence[str],
    body: Sequence[str],
    results: Sequence[str],
    output_names: Sequence[str],
) -> list[str]:
    """The lines of a Python function."""
    first, *others = [line.replace("\\", "\\\\").replace('"""', "'''") for line in description]
    if not others:
        document = [f'{INDENT}"""{first}"""']
    else:
        document = [f'{INDENT}"""{first}', *(f"{INDENT}{line}" if line else "" for line in others), f'{INDENT}"""']
    lines = [f"{INDENT}{line}" for line in body]
    return [f"def {name}({', '.join(arguments)}):", *document, *lines, f"{INDENT}return {', '.join(results)}"]


def _python_document(own_imports: str, helpers: Mapping[str, str]) -> Callable[[Sheet, Sequence[str], str], str]:
    def document(sheet: Sheet, function: Sequence[str], test: str) -> str:
        others = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(sheet.imports.items())]
        parts = [helpers[name].strip("\n") for name in sheet.helpers]
        parts.append("\n".join(function))
        if test:
            parts.append(test.strip("\n"))
        module = own_imports.split()[-1]
        is_used = any(re.search(rf"\b(np|{module})\.", part) for part in parts)
        imports = [*([own_imports] if is_used else []), *others]
        return "\n\n\n".join([*(["\n".join(imports)] if imports else []), *parts]) + "\n"

    return document


def python_size_line(name: str, array: str, v: Variable, axis: int, dimension: Expr) -> str:
    """The line that finds a size."""
    return f"{name} = {size_formula(array, v, axis, dimension)}"


NUMPY_HELPERS = {**HELPERS, **FUNCTION_HELPERS}
JAX_HELPERS = {
    **NUMPY_HELPERS,
    "lu_logdet": '''
def lu_logdet(factor):
    """log det A from lu_factor(A), nan where the determinant is negative."""
    lu, pivots = factor
    diagonal = np.diag(lu)
    swaps = np.count_nonzero(pivots != np.arange(len(pivots)))
    negative = (np.count_nonzero(diagonal < 0) + swaps) % 2
    return np.where(negative, np.nan, np.log(np.abs(diagonal)).sum())
''',
    "log_determinant": '''
def log_determinant(A):
    """log det A, nan where the determinant is negative."""
    sign, value = np.linalg.slogdet(A)
    return np.where(sign >= 0, value, np.nan)
''',
    "adjugate": '''
def adjugate(A):
    """The adjugate of A from its singular values, right at singular matrices, too."""
    U, s, Vt = np.linalg.svd(A)
    others = np.prod(np.where(np.eye(len(s), dtype=bool), 1, s), axis=1)
    return np.linalg.det(U) * np.linalg.det(Vt) * (Vt.T * others) @ U.T
''',
}
"""The helpers of NumPy, without what cannot be traced."""


def _in_jax(written: str) -> str:
    """NumPy's text in JAX's names."""
    written = re.sub(r"\bnp\.array\((.*)\)$", r"\1", written)
    return re.sub(r"\bnp\.", "jnp.", written).replace("from scipy.", "from jax.scipy.")


def _in_torch(written: str) -> str:
    """What NumPy and PyTorch write alike, in PyTorch's names."""
    return re.sub(r"\bnp\.", "torch.", written)


def _torch_document(sheet: Sheet, function: Sequence[str], test: str) -> str:
    document = _python_document("import torch", TORCH_HELPERS)
    value, mark, comparison = test.partition("def self_test")
    return _tested(document(sheet, [_in_torch(line) for line in function], _in_torch(value)), mark, comparison)


def _jax_document(sheet: Sheet, function: Sequence[str], test: str) -> str:
    document = _python_document("import jax.numpy as jnp", JAX_HELPERS)
    value, mark, comparison = test.partition("def self_test")
    written = _in_jax(document(sheet, [_in_jax(line) for line in function], value))
    return _tested(written, mark, comparison)


def _tested(written: str, mark: str, comparison: str) -> str:
    return f"{written.rstrip()}\n\n\n{mark}{comparison}\n" if mark else written


TARGETS: dict[str, Target] = {
    "numpy": Target(
        "numpy",
        NUMPY,
        python_function,
        _python_document("import numpy as np", NUMPY_HELPERS),
        result,
        python_size_line,
        "{0} = np.ravel({0})",
    ),
    "jax": Target(
        "jax",
        Language(
            {**NUMPY.operations, "opaque": opaque(JAX_FUNCTIONS)},
            NUMPY.assignment,
            NUMPY.repeats,
            frozenset({*NUMPY.reserved, "jnp", "jax"}),
            loop=NUMPY.loop,
        ),
        python_function,
        _jax_document,
        lambda sheet, v, is_row: sheet.formula(v, 95) + "[None, :]" if is_row else sheet.texts[v].text,
        python_size_line,
        "{0} = np.ravel({0})",
        {"scipy": True},
        self_test=partial(
            self_test, setting=("import jax", "import numpy as np", "", 'jax.config.update("jax_enable_x64", True)')
        ),
    ),
    "torch": Target(
        "torch",
        TORCH,
        python_function,
        _torch_document,
        torch_result,
        python_size_line,
        "{0} = torch.ravel({0})",
        self_test=partial(self_test, setting=TORCH_SETTING, run="run"),
    ),
    "julia": Target(
        "julia",
        JULIA,
        julia_function,
        julia_document,
        julia_result,
        size_line,
        "{0} = vec({0})",
        {"power": "^", "quotient": "div({}, {})"},
        column_major_self_test(JULIA_TEST),
    ),
    "matlab": Target(
        "matlab",
        MATLAB,
        matlab_function,
        matlab_document,
        matlab_result,
        matlab_size_line,
        "{0} = {0}(:);",
        {"power": "^", "quotient": "({}) / {}"},
        column_major_self_test(MATLAB_TEST),
        names_outputs=True,
    ),
}
