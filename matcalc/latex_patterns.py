"""What LaTeX source is made of: commands, letters, scripts and brackets, as regular expressions."""

from __future__ import annotations

COMMENT = r"#[^\n]*"
GREEK = (
    r"alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|upsilon|phi|chi|psi|omega"
    r"|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega|varepsilon|vartheta|varphi|varsigma|varrho|ell"
)
FUNCTIONS = (
    r"log|ln|exp|det|sin|cos|tan|sec|csc|cot|sinh|cosh|tanh|arcsin|arccos|arctan|max|min"
    r"|tr|Tr|diag|vec|inv|adj|abs|sqrt"
)
STYLES = r"mathbf|boldsymbol|bm|mathrm|mathsf|mathit|mathcal|mathbb|text|textbf|textrm|operatorname\*?|vec"
ACCENTS = {"hat": "hat", "widehat": "hat", "bar": "bar", "overline": "bar", "tilde": "tilde", "widetilde": "tilde"}
DIRECTIONS = {"tilde": "_", "hat": "__"}
END = r"(?![A-Za-z])"
MARKS = rf"(?:[*†‡]|\\(?:dagger|ddagger|ast|star){END})"
SIZES = rf"(?:left|right|middle|[bB]igg?[lrm]?){END}"
TRANSPOSED = rf"(?:\\top{END}|\\intercal{END}|\\(?:mathsf|mathrm|text)\s*\{{\s*T\s*\}}|T)"
MORE = r"circ|bullet|geq?|leq?|neq?|approx|infty|sum|prod|int|partial|nabla|[lc]dots|underset"
SURE = (
    rf"[{{}}$∑]|\\[|,;:!]|\A\s*\\[(\[]|\s\\(?:{GREEK}|{FUNCTIONS}){END}|(?:\A|[-+*/^(=,|])\s*\\[A-Za-z]"
    rf"|\\(?:{STYLES}|[dt]?frac|{SIZES}|[lr]?[vV]ert|[lr]angle|cdot|times|odot|oslash|otimes|{MORE}){END}"
)
OPENED = r"(?P<blank>(?:\s|~|\\[,;:! ])*)(?:\\left\s*|\\[bB]igg?l?\s*)?[({]"
# A letter or word with its subscript, and an exponent: what a function takes without brackets, if nothing follows.
WORD = rf"(?:\\(?:{STYLES})\s*\{{[^{{}}]*\}}|\\(?:{GREEK}){END}|[A-Za-z])(?:_\w|_\{{\w+\}})?"
ARGUMENT = (
    rf"((?:\s*\\(?:{FUNCTIONS}){END}){{0,4}})\s*({WORD}(?:\s*\^\s*(?:\{{[^{{}}]*\}}|\\top|\w))?)"
    r"(?=\s*(?:\Z|[-+=),}&$\]]|\\right|\\\\|\\[)\]]))"
)
SUBSCRIPT = (
    rf"\s*_\s*(?:(?P<letter>\w)|\\(?P<extreme>max|min){END}"
    r"|\{\s*(?:\\(?:mathrm|text|mathit|mathbf|operatorname)\s*\{\s*|\\(?=(?:max|min)\s*\}))?(?P<word>\w+)\s*\}?\s*\})"
)
SPECTRAL = frozenset(["lambda_max", "lambda_min", "sigma_max"])
OF_SUM = rf"(?:\s*\\(?:{FUNCTIONS}){END}){{0,4}}\s*(?:\\sum{END}|∑)"
ALL = r"\cdot"
_ITEM = rf"(?:\w+\s*:\s*\w+|\w(?:\s*[-+]\s*\w)?|:|\{ALL}{END})"
INDICES = rf"\s*_\s*\{{\s*({_ITEM}(?:\s*,\s*{_ITEM})?)\s*\}}"
ENTRIES = rf"[a-z0-9]{{2}}|{_ITEM}(?:\s*,\s*{_ITEM})?"
# The largest or smallest entry of what has the index below: \max_i x_i, \max_i |x_i|, \max_i (A x)_i.
_SAME_INDEX = r"_\s*\{?\s*(?(index)(?P=index)|(?P=braced))(?![A-Za-z,])"
EXTREME = (
    r"(?P<below>\s*_(?:\s*(?P<index>[a-z])(?![a-z])|\s*\{\s*(?P<braced>[a-z])\s*\}))"
    r"(?:\s*(?:\\left\s*)?(?P<bar>\||\\[lr]?vert)?\s*"
    rf"(?P<base>\\(?:{STYLES})\s*\{{[^{{}}]*\}}|\\(?:{GREEK}){END}|[A-Za-z])\s*{_SAME_INDEX}|(?=.*{_SAME_INDEX}))"
)
PERTURBED = (
    rf"\s*(?:\\(?:wide)?(?P<mark>{'|'.join(DIRECTIONS)})\s*\{{\s*)?"
    rf"(?:\\mathrm\s*\{{(?P<word>\w+)\}}|\\(?P<greek>{GREEK}){END}|(?P<letter>[A-Za-z]))(?(mark)\s*\}})"
)
NESTED = rf"(?:\s*\\(?:{FUNCTIONS}){END}){{1,4}}{OPENED}"
BRACKETS = r"[({})]"
