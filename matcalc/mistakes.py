"""Mistakes that people make, by example: what stands before and after the place where reading stopped.

Each row is tried in order. `before` is matched up to the place, `after` from there on; a group named `at`
in `before` moves the caret to where it begins. In the message and the hint {0} is what `after` matched and
{name} what the group of that name matched, in either.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Mistake(NamedTuple):
    """One row: the patterns around the place, what is wrong, and what to write instead."""

    before: str
    after: str
    message: str
    hint: str

    def matched(self, text: str, place: int) -> tuple[int, int, dict[str, str]] | None:
        """The place of this mistake and the words for its message, or None if it was not made here."""
        after = re.compile(self.after).match(text, place)
        # A bounded stretch: patterns with a repetition would otherwise cost the square of the text.
        earliest = max(0, place - 60)
        before = re.search(f"(?:{self.before})\\Z", text[earliest:place])
        if after is None or before is None:
            return None
        words = {"0": after[0].strip(), **before.groupdict(), **after.groupdict()}
        start = earliest + before.start("at") if "at" in words else place
        end = after.end() if after.end() > start else place
        return start, end, {key: word or "" for key, word in words.items()}


_AFTER_OPERAND = r"""[\w)\]'ᵀ′’⁻¹²³]\s*"""

_NORM_OF = r"\bnorm2?\(\s*(?P<inner>(?:[^()]|\([^()]*\))*?)\s*,\s*"

_MODULES = "np|numpy|jnp|jax|torch|tf|sp|scipy|sympy|math|anp"
_PSEUDOINVERSE = "write pinv(A) for the pseudoinverse"
_ADJOINT = f"{_PSEUDOINVERSE}, A' for the transpose: everything is real"
RANDOM = "differentiate the function of a fixed sample, and average the derivatives"
_KINDS = "write scalar, vector(n), row(n) or matrix(m,n)"
_KINDS_OF_AT = "write {at}: scalar, {at}: vector(n) or {at}: matrix(m,n)"

MISTAKES = (
    # MATLAB's indices
    Mistake(
        r"\b(?P<name>\w+)(?P<at>\()\s*", r":\s*,\s*(?P<other>\w+)\s*\)",
        "the indices of an entry, a row or a column stand in [ ]", "write {name}[:,{other}]",
    ),
    Mistake(
        r"\b(?P<name>\w+)(?P<at>\()\s*(?P<other>\w+)\s*,\s*", r":\s*\)",
        "the indices of an entry, a row or a column stand in [ ]", "write {name}[{other},:]",
    ),
    Mistake(
        r"\w\[([^][]*,)?\s*(?P<at>:)\s*", r"[-\w]", "the first index of a range is missing",
        "write both, counted from 1: x[1:3]",
    ),
    Mistake(
        r"\w\[([^][]*,)?\s*\w+\s*(?P<at>:)\s*", r"[],]", "the last index of a range is missing",
        "write both, such as x[2:5]",
    ),
    Mistake(r"(?P<at>[*/^])", r"\.(?![0-9])", "the dot of an entrywise operator comes first", "write .{at}"),
    # Python and its libraries
    Mistake(
        r"(?P<at>\.\*)", r"\*", ".** is not an operator here",
        "write .^ for the power of each entry: x.^2",
    ),
    Mistake(
        r"(?P<at>\*)", r"\*", "** is not an operator here",
        "write ^ for a power: x^2, A^-1, x.^2 entry by entry",
    ),
    Mistake(
        r"(?P<at>/)\s?", r"/", "// is not an operator here",
        "write / to divide; a comment begins with #",
    ),
    Mistake(r"(?P<at>\+)", r"=", "+= changes a variable, and nothing is changed here", "write a sum: a + b"),
    Mistake(
        rf"\b(?P<at>{_MODULES})", r"\.(\w+\.)*(dot|matmul|mm|mv|bmm|inner|vdot|multi_dot)\b",
        "functions have no module here", "write A*B for a product, x'*y for the inner product of vectors",
    ),
    Mistake(
        rf"\b(?P<at>{_MODULES})", r"\.(\w+\.)*(multiply|mul)\b",
        "functions have no module here", "write x.*y for the product of the entries",
    ),
    Mistake(
        rf"\b(?P<at>{_MODULES})", r"\.(\w+\.)*(einsum|tensordot)\b",
        "functions have no module here", "write products, traces and sums: A*B, tr(A*B), sum(A.*B)",
    ),
    Mistake(
        rf"\b(?P<at>{_MODULES})", r"\.(\w+\.)*solve\b",
        "functions have no module here", "write A\\b for the solution of A*x = b",
    ),
    Mistake(
        rf"\b(?P<at>{_MODULES})", r"\.(\w+\.)*slogdet\b",
        "functions have no module here", "write logabsdet(A) for the logarithm of the determinant's size",
    ),
    Mistake(
        rf"\b(?P<at>{_MODULES})", r"\.(\w+\.)*(power|pow)\b",
        "functions have no module here", "write x.^2 for the power of each entry, a^2 for that of a scalar",
    ),
    Mistake(
        rf"\b(?P<at>{_MODULES})", r"\.(?P<name>pi)\b", "constants have no module here", "write {name}",
    ),
    Mistake(
        r"\b(?P<at>tf)", r"\.(math\.)?reduce_(?P<name>\w+)", "functions have no module here", "write {name}(…)",
    ),
    Mistake(
        rf"\b(?P<at>{_MODULES})", r"\.(\w+\.)*(?P<name>\w+)",
        "functions have no module here", "write {name}(…) without the module",
    ),
    Mistake(
        "", r"\.(t|transpose|mT|H|conj)\b(\(\))?", "{0} is not part of the language",
        "write A' for the transpose",
    ),
    Mistake(r"(?P<at>\.T|\^T|['′’ᵀ⊤])\s*\(\s*", r"\)", "the transpose takes no ()", "write A' or A.T"),
    Mistake(
        "", r"\.(inv|inverse|I)\b(\(\))?", "{0} is not part of the language",
        "write inv(A) or A^-1 for the inverse",
    ),
    Mistake(
        "", r"\.(dot|matmul|mm|mv|bmm)\b", "{0} is not part of the language",
        "write A*B for the product, dot(x, y) for the inner product",
    ),
    Mistake(
        "", r"\.(shape|size|ndim|dtype)\b", "{0} is not part of the language",
        "sizes are given by declarations: A: matrix(m,n)",
    ),
    Mistake(
        r"[0-9]", r"\.(?P<name>[^\W\d_]\w*)", "a number ends with a digit here",
        "write a * between: 2*{name}",
    ),
    Mistake(
        r"(?<!\w)(?P<at>[A-Za-z])", r"\.(?P<name>[A-Za-z])(?!\w)", "nothing has attributes here",
        "write {at}*{name} for the product, {at}.*{name} for that of the entries",
    ),
    Mistake(
        "", r"\.(?P<name>[A-Za-z_]\w*)", "nothing has attributes here",
        "write a function, {name}(A), in place of A.{name}",
    ),
    Mistake(
        r"\b(?P<at>lambda)\s+\w+\s*", r":", "lambda makes no functions here",
        "write the expression alone; lambda is the Greek letter",
    ),
    Mistake(
        _NORM_OF, r"['\"](fro|Fro|F)['\"]", "text in quotes is not part of the language",
        "write norm2({inner}), the Frobenius norm",
    ),
    Mistake(
        _NORM_OF, r"['\"](nuc|nuclear|\*)['\"]", "text in quotes is not part of the language",
        "write normnuc({inner}), the nuclear norm",
    ),
    Mistake(
        r"(?P<at>'[^'\n]*)", r"'", "text in quotes is not part of the language",
        "write names without quotes",
    ),
    Mistake(
        "", r"['\"](fro|Fro|F)['\"]", "text in quotes is not part of the language",
        "the Frobenius norm is norm2(A) or norm(A)",
    ),
    Mistake(
        "", r"['\"](nuc|nuclear|\*)['\"]", "text in quotes is not part of the language",
        "the nuclear norm is normnuc(A)",
    ),
    Mistake("", r"'[^'\n]*'", "text in quotes is not part of the language", "write it without quotes"),
    Mistake("", r'["“”„«]', "text in quotes is not part of the language", "write it without quotes"),
    # comparisons and logic
    Mistake(r"(?P<at>[-−=])", r">", "{at}> is not used here", "write the expression alone"),
    Mistake(
        "", r":=|<-|←|≔", "{0} is not used here",
        "write a definition with =, one a line, with the expression last",
    ),
    Mistake("", r"→|↦|⟼", "{0} is not used here", "write the expression alone"),
    Mistake(
        r"(?P<at>=)\s?", r"=", "== compares, and nothing is compared here",
        "write one side alone, or the difference of both sides",
    ),
    Mistake(
        "", r"==+", "== compares, and nothing is compared here",
        "write one side alone, or the difference of both sides",
    ),
    Mistake(
        "", r"<(?P<x>[^<>,|]+)[,|]\s*(?P<y>[^<>,|]+)>", "< compares, and nothing is compared here",
        "write dot({x}, {y}) for the inner product",
    ),
    Mistake(
        "", r"[!~]=|[<>]=?|[≤≥≠≈∼]", "{0} compares, and nothing is compared here",
        "write max(x, c) or min(x, c) for a bound, sign(x) for a sign",
    ),
    Mistake("", r"&&?|∧", "{0} is not an operator here", "write .* for the product of the entries"),
    Mistake("", r"~|¬", "{0} is not an operator here", "write - for a negative"),
    Mistake(_AFTER_OPERAND, r"!", "! is not an operator here", "write gamma(n + 1) for the factorial"),
    Mistake("", r"%\*%", "{0} is not an operator here", "write A*B for the product, x'*y for the inner product"),
    Mistake("", r"%", "% begins no comment here", "write # for a comment"),
    Mistake("", r"\?", "? is not part of the language", "write the expression alone"),
    # LaTeX
    Mistake(r"\^", r"\{(?P<inner>[^{}]*)\}?", "braces are not read", "write ^({inner})"),
    Mistake(r"(?P<at>\w+)_", r"\{(?P<inner>\w*)\}?", "a subscript has no braces", "write {at}_{inner}"),
    Mistake(
        r"(?P<at>\\[A-Za-z]+)\s*", r"\{", "LaTeX commands are not read",
        "write the formula as for a calculator: a/b, sqrt(x), x'*A*x",
    ),
    Mistake(
        "", r"[{}]", "{0} is not a bracket here",
        "write ( ) around a part, [ ] around the entries of a matrix",
    ),
    Mistake("", r"\\(?P<name>[A-Za-z]+)", "LaTeX commands are not read", "write {name} without the \\"),
    Mistake("", r"\$", "$ is not part of the language", "write the formula without $"),
    # transpose, inverse, powers
    Mistake(r"\^\s*", r"\*", "^* is not an operator here", "everything is real: write A' for the transpose"),
    Mistake(r"(?P<at>\^\s*)", r"[†‡⁺]", "^{0} is not read", _ADJOINT),
    Mistake("", r"[†‡]", "{0} is not read", _ADJOINT),
    Mistake("", r"⁺", "{0} is not read", f"{_PSEUDOINVERSE}, relu(x) for the positive part"),
    Mistake(
        r"(?P<at>\^\s*\+)\s*", r"$|[)\]*/,;]", "^+ is not an operator here",
        f"{_PSEUDOINVERSE}, relu(x) for the positive part",
    ),
    Mistake("", r"[`´‘ʹ]", "{0} is not a transpose sign", "write ' for the transpose"),
    Mistake("", r"[″‴‶]", "{0} is not a transpose sign", "write a ' for each transpose"),
    Mistake("", r"ᴴ|\^H", "{0} is not read", "everything is real: write A' for the transpose"),
    Mistake("", r"[ᵃ-ᶿˣʰʲʳʷʸˡˢ]+", "this superscript is not read", "write ^ and the exponent: x^k"),
    # signs that look like others
    Mistake(
        "", r"[×∗✕✖⨯]", "{0} is not an operator here",
        "write * for the product, .* for the product of the entries",
    ),
    Mistake("", r"[•∙⋆★]", "{0} is not an operator here", "write * for the product"),
    Mistake("", r"[∘○◦⊚]", "{0} is not an operator here", "write .* for the product of the entries"),
    Mistake("", r"[÷∕⁄]", "{0} is not an operator here", "write / to divide"),
    Mistake("", r"[‐‑‒–—―﹣－]", "{0} is not a minus sign here", "write -"),
    Mistake("", r"[⊕⊖]", "{0} is not an operator here", "write + or -"),
    Mistake("", r"√", "√ is not read", "write sqrt(x)"),
    Mistake("", r"∛", "∛ is not read", "write cbrt(x)"),
    Mistake("", r"[𝟏𝟙]", "{0} is not read", "write ones(n) for a vector of ones, sum(x) for ones(n)'*x"),
    Mistake(
        r"(?<![\w.])(?P<at>1)", r"_\{?(?P<n>\w+)\}?", "a name begins with a letter",
        "write ones({n}) for a vector of ones",
    ),
    Mistake(
        r"(?<![\w.])(?P<at>[0-9]+)", r",(?P<name>[0-9]+)", "a comma separates, and is no decimal sign",
        "write {at}.{name} for the number, [{at}; {name}] for a column",
    ),
    Mistake(
        r"(?<!\w)(?P<at>[A-Z])\s*", r":\s*(?P<name>[A-Z])(?!\w)", ": stands in indices and declarations",
        "write sum({at}.*{name}) for the inner product of matrices",
    ),
    Mistake(
        "", r"∑", "∑ is the sign of a sum, and its bounds are missing",
        "write sum(x) for all entries, sum(i, 1, n, x[i]^2) over i, Sigma for the letter",
    ),
    Mistake(
        "", r"∏", "∏ is the sign of a product, not a letter",
        "write exp(sum(log(x))) for the product of positive entries, Pi for the letter",
    ),
    Mistake("", r"∆", "∆ is the sign of a difference, not a letter", "write Delta or Δ for the letter"),
    Mistake(
        "", r"[∂∇]", "{0} is not part of an expression",
        "write the function alone: what is asked of it is chosen by the command",
    ),
    Mistake("", r"∞", "∞ is not a number here", "write norm1(x) or norm2(x) for a norm"),
    Mistake("", r"𝔼", "{0} is not read: random variables are not supported", RANDOM),
    Mistake(
        "", r"[⟨〈](?P<x>[^⟨⟩〈〉,|]+)[,|]\s*(?P<y>[^⟨⟩〈〉,|]+)[⟩〉]", "these brackets are not read",
        "write dot({x}, {y}) for the inner product",
    ),
    Mistake("", r"[⟨⟩〈〉]", "{0} is not read", "write dot(x, y) for the inner product"),
    Mistake("", r"[∥ǁ]", "{0} is not read", "write ‖x‖, ||x|| or norm2(x)"),
    Mistake(
        "", r"\.\(", "a dot before ( applies a function to each entry",
        "write sin.(x), or A .* B for the product of the entries",
    ),
    Mistake(
        r"\b[sS]um\s*\([^()]*?(?P<at>\b[^\W\d]\w*)\s*(=|in)\s*(?P<low>\w+)\s*", r"(\.\.+|:)\s*(?P<high>\w+)",
        "the bounds of a sum stand between commas", "write sum({at}, {low}, {high}, …) with the summand last",
    ),
    Mistake("", r"\.\.+|[…⋯]", "{0} leaves out what is meant", "write all of it"),
    Mistake("", r"ℝ", "ℝ stands in declarations only", "declare x: R^n, and write the expression without it"),
    Mistake("", r"∈", "∈ stands in declarations only", "declare x: R^n, and write the expression without it"),
    Mistake(
        r"(?P<at>\bnorm2?\([^()]*\)\s*)", r"_(F|2|fro)\b", "a norm has no subscript after its brackets",
        "write norm(A) or ||A||_F for the Frobenius norm, norm(x) or ||x||_2 of a vector",
    ),
    Mistake(
        r"(?P<at>\bnorm2?\((?P<inner>[^()]*)\)\s*)", r"_(?P<kind>1|inf|∞)",
        "a norm has no subscript after its brackets", "write norm{kind}({inner})",
    ),
    Mistake(
        r"(?P<at>(\|\||‖)\s*\^?\s*[^\W_]+)", r"_\w+",
        "this norm is not read", "write its subscript after the bars: ||A||_F^2, ||x||_1^2, ||x||_inf^2",
    ),
    Mistake(
        r"\|", r"_\w+", "the norm below a single bar is unclear",
        "write norm1(x) or norm2(x)",
    ),
    Mistake(
        r"(?P<inner>\([^()]*\))\s*", r"_\{?(?P<index>[a-z0-9])\}?(?!\w)", "an index stands in [ ]",
        "write {inner}[{index}] for an entry",
    ),
    Mistake(
        r"(?P<inner>\([^()]*\))\s*", r"_\{?\(?\+", "_+ is not read", "write relu{inner} for the positive part",
    ),
    Mistake("", r"_+(?P<name>[^\W_]\w*)", "a name begins with a letter", "write {name}"),
    # declarations where an expression is read
    Mistake(
        r"\b\w+\s*", r":\s*(scalar|vector|row|matrix|R|ℝ)\b",
        "a declaration is not part of an expression", "write it among the declarations",
    ),
)  # fmt: skip

_IN_REALS = r"\b(?P<at>\w+)\s*\\in\s*(\\mathbb\s*|\\R\s*\^\s*|R\s*\^\s*)"
_REALS = r"(\{\s*R\s*\}\s*\^\s*)?"

DECLARATION_MISTAKES = (
    Mistake(
        _IN_REALS, _REALS + r"\{\s*(?P<m>\w+)\s*(\\times|×|,|x)\s*(?P<n>\w+)\s*\}",
        "LaTeX is not read in declarations", "write {at}: R^({m}×{n})",
    ),
    Mistake(
        _IN_REALS, _REALS + r"\{?\s*(?P<n>\w+)\s*\}?", "LaTeX is not read in declarations", "write {at}: R^{n}",
    ),
    Mistake(
        r"(?P<at>R\s*\^\s*)", r"\{\s*(?P<m>\w+)\s*(x|X|×|,|\\times)\s*(?P<n>\w+)\s*\}",
        "braces are not read", "write R^({m}×{n})",
    ),
    Mistake(r"(?P<at>R\s*\^\s*)", r"\{\s*(?P<n>\w+)\s*\}", "braces are not read", "write R^{n}"),
    Mistake(r"\b(?P<at>\w+)\s*", r"\\in\b", "LaTeX is not read in declarations", "write {at}: R^n or {at}: R^(m×n)"),
    Mistake(
        r"\b(?P<at>\w+)\s*", r"=\s*(?P<n>[0-9]+)\b", "{at} is declared, not defined, here",
        "write {at}: scalar; a size is its number itself, x: vector({n})",
    ),
    Mistake(
        r":\s*(?P<at>symmetric|skew|diagonal|spd|orthogonal|lower|upper|unit|positive|nonzero|integer|constant)\s+",
        r"(?P<kind>scalar|vector|row|matrix|R\b)(?P<sizes>\([^)]*\))?",
        "{at} comes after the kind", "write {kind}{sizes} {at}",
    ),
    Mistake(
        r"\b(?P<at>scalar|vector|row|matrix)\s+", r"(?P<name>\w+)(?P<sizes>\([^)]*\))?",
        "the name comes first", "write {name}: {at}{sizes}",
    ),
    Mistake(
        r"\b(?P<at>\w+)\s*", r"=?\s*(?P<kind>scalar|vector|row|matrix|R\b)(?P<sizes>\([^)]*\))?",
        "a colon is missing between {at} and {kind}", "write {at}: {kind}{sizes}",
    ),
    Mistake(
        r"\b(?P<at>\w+)\s*:\s*", r"\(?\s*(?P<m>\w+?)\s*[xX×*,]\s*(?P<n>\w+)\s*\)?",
        "the kind is missing before the sizes", "write {at}: matrix({m},{n})",
    ),
    Mistake(
        r"(\A|[,;\n])\s*", r"(?!(?:scalar|vector|row|matrix)\b)(?P<name>[^\W\d]\w*)\s*\((?P<n>\w+)\)",
        "a colon and the kind are missing after {name}", "write {name}: vector({n})",
    ),
    Mistake(
        r"(\A|[,;\n])\s*", r"(?!(?:scalar|vector|row|matrix)\b)(?P<name>[^\W\d]\w*)\s*\((?P<sizes>[^()]*)\)",
        "a colon and the kind are missing after {name}", "write {name}: matrix({sizes})",
    ),
    Mistake(
        r"\b(?P<at>\w+)\s+", r"(?:is\s+)?(?:an?\s+)?(?P<word>symmetric|skew|diagonal|spd|orthogonal|lower|upper)\b",
        "a colon and the kind are missing after {at}", "write {at}: matrix(n,n) {word}",
    ),
    Mistake(
        r"\b(?P<at>\w+)\s+", r"(?:is|in|as|has|of)\b", "a colon is missing after {at}", _KINDS_OF_AT,
    ),
    Mistake(r"\b(?P<at>\w+)\s*", r"=", "{at} is declared, not defined, here", _KINDS_OF_AT),
    Mistake(r"(?P<at>scalar|vector|row|matrix)", r"\[", "sizes stand in parentheses", _KINDS),
    Mistake(
        r"(?P<at>scalar|vector|row|matrix)\s*\(\s*", r"\)", "there is no size in ()",
        "write {at} alone, or with its sizes",
    ),
    Mistake(r":\s*", r"\(", "the kind is missing before the sizes", "write matrix(m,n)"),
    Mistake(
        r"\b(?P<at>\w+)\s*", r":", "a comma is missing before the declaration of {at}",
        "write a comma before {at}",
    ),
    Mistake(r":\s*", r"$|[,;\n]", "the kind is missing", _KINDS),
    Mistake(r"\b(?P<at>\w+)[ \t]*", r"$|[,;\n]", "{at} has no kind", _KINDS_OF_AT),
    Mistake(r"[)\w]\s*", r"×", "a matrix has two sizes", "write R^(m×n)"),
    Mistake(r"\A\s*", r"[0-9(\[:]", "a declaration begins with a name", "write A: matrix(m,n)"),
)  # fmt: skip
