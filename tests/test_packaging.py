"""The shape of the project: imports run one way, modules stay short, no text is run as Python."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "matcalc"
MODULES = sorted(PACKAGE.rglob("*.py"))

# A module imports only modules further up.
ORDER = [
    # the text and what it says
    "errors",
    "resources",
    "grammars",
    "mistakes",
    "diagnoses",
    "syntax_trees",
    "tokens",
    "recurrences",
    "expression_builders",
    "declaration_builders",
    "latex_sums",
    "latex_patterns",
    "latex_norms",
    "latex_refusals",
    "latex_source",
    "syntax",
    # nodes and their normal form
    "registries",
    "lazy_properties",
    "digests",
    "comparisons",
    "expressions",
    "equations",
    "dimensions",
    "sizes",
    "pickling",
    "leaves",
    "sums",
    "transposes",
    "matrix_functions",
    "structures",
    "products",
    "operators",
    "powers",
    "factorizations",
    "soft_maxima",
    "distances",
    "function_table",
    "applications",
    "analytic_forms",
    "spectral_forms",
    "trace_forms",
    "function_forms",
    "substitutions",
    "parts",
    "foldings",
    # numbers: values of expressions at arrays
    "bindings",
    "operations",
    "evaluation",
    "contexts",
    "precise_spectra",
    "high_precision",
    # from trees to expressions: sizes, shapes, kinds
    "declarations",
    "inferences",
    "collection_shapes",
    "rearrangements",
    "shape_mistakes",
    "operator_shapes",
    "walks",
    "subscripts",
    "call_mistakes",
    "call_shapes",
    "kinds",
    "definition_mistakes",
    "names",
    "constructions",
    "call_constructions",
    "revisions",
    "shapes",
    "definitions",
    "python_terms",
    "python_formulas",
    "reading",
    "building",
    "constructors",
    # the rule book and the passes over the graph
    "rule_conditions",
    "rule_book",
    "named_functions",
    "local_differentials",
    "adjoints",
    "differentials",
    "operator_matrices",
    "matching",
    "lengths",
    "expansions",
    "denominators",
    "common_factors",
    "entry_sums",
    "sieves",
    "simplification",
    "implicit_functions",
    "tangents",
    "curvature",
    "multilinear_forms",
    "sweeps",
    # presentation: how an expression is written
    "notations",
    "sheets",
    "sum_layouts",
    "product_layouts",
    "layouts",
    "text",
    "writing",
    "line_breaks",
    "unicode",
    "latex_names",
    "latex",
    "sympy_reading",
    "sympy_writing",
    # answers
    "reports",
    "derivation_steps",
    "differential_steps",
    "operator_steps",
    "signs",
    "index_ranges",
    "certain_zeros",
    "conditions",
    "inner_products",
    "free_entries",
    "second_derivatives",
    "forms",
    "derivations",
    "derivatives",
    "differentiation",
    "conventions",
    "answers",
    "graphs",
    "rule_lines",
    # random points, differences, verdicts
    "differences",
    "curves",
    "kinks",
    "cancellations",
    "sampling",
    "points",
    "agreements",
    "computations",
    "findings",
    "judgements",
    # exact arithmetic modulo a prime
    "primes",
    "prime_fields",
    "dual_numbers",
    "field_arithmetic",
    "degrees",
    "residue_points",
    "exact_tier",
    # what is tested, and what is said of a failure
    "counterexamples",
    "derivative_tests",
    "verification",
    "mutants",
    "explanations",
    "kernel_checks",
    "check_outcomes",
    "self_check",
    "rule_mistakes",
    "user_rules",
    "claims",
    "verdicts",
    # models and points of a function
    "remainders",
    "typed_numbers",
    "taylor_polynomials",
    "stationary_points",
    # the error of finite differences against their step
    "error_branches",
    "log_plots",
    "error_curves",
    # checks of functions that are given as Python callables
    "precise_numbers",
    "given_functions",
    "function_kinds",
    "function_directions",
    "function_agreements",
    "function_slopes",
    "function_trials",
    "function_checks",
    # programs that an expert would have written, and the code that computes them
    "typical_sizes",
    "flop_counts",
    "programs",
    "program_building",
    "positivity",
    "product_orders",
    "regroupings",
    "scale_invariance",
    "stable_logarithms",
    "stable_forms",
    "written_orders",
    "low_rank_forms",
    "lowered_products",
    "lowered_entries",
    "lowered_functions",
    "lowering",
    "code_sheets",
    "size_sources",
    "program_choices",
    "numpy_formulas",
    "array_reuse",
    "in_place_code",
    "numpy_factorizations",
    "matrix_function_code",
    "numpy_code",
    "dense_kernels",
    "linear_solves",
    "batched_arrays",
    "batched_code",
    "signatures",
    "compilation",
    "nested_formulas",
    "compiled_functions",
    "flat_vectors",
    "operator_stages",
    "linear_operators",
    "numerical_problems",
    "column_major_code",
    "julia_functions",
    "julia_code",
    "matlab_functions",
    "matlab_code",
    "self_tests",
    "column_major_self_tests",
    "torch_code",
    "target_languages",
    "source_code",
    # the command line
    "folds",
    "formulas",
    "commands",
    "point_commands",
    "code_commands",
]

# The package's table of contents and its entry point import what they like.
ENTRANCES = {"__init__", "__main__"}

LONGEST_MODULE = 380

# Imports inside functions, which are for what is heavy and rarely needed: (module, what it imports).
LATE_IMPORTS = {
    ("resources", "importlib.resources"),  # several milliseconds, needed only in zip archives
    ("grammars", "lark"),  # needed only to rebuild the tables
    ("log_plots", "matplotlib"),  # optional
    ("log_plots", "matplotlib.figure"),
}

# What would run a text as Python: (module, name) that may.
EVALUATORS = {"eval", "exec", "sympify", "parse_expr", "__import__"}
ALLOWED_EVALUATORS = {
    (
        "compilation",
        "exec",
    ),  # the text of a compiled function, written by numpy_code from a program of known operations
}

each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)


def imports(tree: ast.AST) -> Iterator[str]:
    """The full names of the modules that are imported anywhere in the tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = ".".join(filter(None, ["matcalc" if node.level else "", node.module]))
            yield from ([f"{origin}.{a.name}" for a in node.names] if origin == "matcalc" else [origin])


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=path.name)


def own_modules(names: Iterator[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("matcalc.")}


@pytest.mark.parametrize("path", [m for m in MODULES if m.stem not in ENTRANCES], ids=lambda path: path.stem)
def test_imports_run_one_way(path: Path) -> None:
    assert path.stem in ORDER, "give the new module its place in ORDER"
    before = set(ORDER[: ORDER.index(path.stem)])
    assert own_modules(imports(parsed(path))) <= before


@each_module
def test_imports_stand_at_the_top(path: Path) -> None:
    functions = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef)]
    late = {(path.stem, name) for function in functions for name in imports(function)}
    assert late <= LATE_IMPORTS


@each_module
def test_no_text_is_run_as_python(path: Path) -> None:
    used = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Name):
            used.add(node.id)
        elif isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            used |= {alias.name for alias in node.names}
    assert {(path.stem, name) for name in used & EVALUATORS} <= ALLOWED_EVALUATORS


@each_module
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("folder", ["grammar", "rules"])
def test_data_folders_hold_data_only(folder: str) -> None:
    # A module in them would break the editable install, which finds them beside the package.
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if path.suffix in {".py", ".pyc"}] == []
