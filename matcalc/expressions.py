"""Expressions: immutable, interned nodes on ``sympy.Basic``, each with a shape.

Equal expressions are the same object: every node is hash-consed, so equality is ``is``, a memo table is a dict, and a
shared subexpression is shared for ever.  This room holds what a node *is*; its normal form (what ``Sum(A, A)`` becomes)
is built by the modules that register in ``CONSTRUCTORS``. Nothing here recurses: a tower of thousands of layers is
built, hashed, pickled and freed like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, ClassVar, TypeAlias
from weakref import ReferenceType

from sympy import Basic, Expr, Integer, S, Symbol

from matcalc.digests import digest
from matcalc.registries import CONSTRUCTORS, method

Dimension: TypeAlias = Expr
Shape: TypeAlias = tuple[Dimension, Dimension]

ONE: Integer = S.One
SCALAR: Shape = (ONE, ONE)

_interned: dict[tuple[Any, ...], ReferenceType[Expression]] = {}


@lru_cache(maxsize=4096)
def dimension(size: int | str | Expr) -> Dimension:
    """The dimension ``size``: an integer, or the positive integer symbol of that name.

    >>> dimension("n"), dimension(3)
    (n, 3)
    """
    if isinstance(size, str):
        return Symbol(size, integer=True, positive=True)
    return Integer(size) if isinstance(size, int) else size


class Expression(Basic):
    """A matrix expression with a shape ``(rows, columns)``; scalars are 1×1 and vectors n×1.

    Immutable, interned, hashable; supports ``+ - * @ / ** .T`` and pickling.

    >>> import matcalc as mc
    >>> A, x = mc.variables("A: matrix(n,n), x: vector(n)")
    >>> (x.T @ A @ x).shape
    (1, 1)
    >>> x.T @ A @ x is mc.parse("x'*A*x", where="A: matrix(n,n), x: vector(n)")
    True
    """

    __slots__ = (
        *("__weakref__", "_contexts", "_digest", "_kinds", "_mark", "_transposed", "_triangles"),
        *("is_scalar", "operands", "shape"),
    )

    shape: Shape
    operands: tuple[Expression, ...]
    _contexts: tuple[tuple[Expression, ...], ...]
    _digest: tuple[bytes, int] | None
    is_scalar: bool
    args: tuple[Any, ...]
    tag: ClassVar[bytes] = b""
    own_ticks: ClassVar[int] = 0
    __hash__ = object.__hash__
    __array_ufunc__ = None  # NumPy arrays must not try to broadcast over an expression

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.tag = cls.__name__.encode()

    def __new__(cls, *args: Any) -> Expression:
        return CONSTRUCTORS[cls.__name__](*args)

    def __eq__(self, other: object) -> bool:
        return self is other

    @property
    def rows(self) -> Dimension:
        """Number of rows."""
        return self.shape[0]

    @property
    def columns(self) -> Dimension:
        """Number of columns."""
        return self.shape[1]

    @property
    def key(self) -> bytes:
        """What nodes are ordered by: a digest of the structure."""
        return (self._digest or digest(self))[0]

    @property
    def ticks(self) -> int:
        """The number of transposes in the expression."""
        return (self._digest or digest(self))[1]

    @property
    def T(self) -> Expression:
        """The transpose."""
        return CONSTRUCTORS["transpose"](self)

    @property
    def variables(self) -> dict[str, Variable]:
        """The variables by name, in the order in which they are written."""
        return method("variables")(self)

    @property
    def where(self) -> str:
        """The declarations of the variables, as ``parse`` takes them."""
        return method("where")(self)

    def evaluate(self, values: Mapping[str, Any], **options: Any) -> Any:
        """The value at arrays by name: a float, an (n,) array for a vector, else a 2-D array.

        Raises EvaluationError or ShapeError naming the argument and the shape it should have.

        >>> import matcalc as mc
        >>> mc.parse("x'*x").evaluate({"x": [3.0, 4.0]})
        25.0
        """
        return method("evaluate")(self, values, **options)

    def latex(self) -> str:
        """LaTeX, named parts after the answer."""
        return method("latex")(self)

    def unicode(self) -> str:
        """Unicode, as written by hand; without named parts it reads back."""
        return method("unicode")(self)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def to_sympy(self) -> Basic:
        """The SymPy matrix expression; raises MatcalcError naming what SymPy has no word for."""
        return method("to_sympy")(self)

    def __add__(self, other: Any) -> Expression:
        return CONSTRUCTORS["+"](self, other)

    def __radd__(self, other: Any) -> Expression:
        return CONSTRUCTORS["+"](other, self)

    def __sub__(self, other: Any) -> Expression:
        return CONSTRUCTORS["-"](self, other)

    def __rsub__(self, other: Any) -> Expression:
        return CONSTRUCTORS["-"](other, self)

    def __mul__(self, other: Any) -> Expression:
        return CONSTRUCTORS["*"](self, other)

    def __rmul__(self, other: Any) -> Expression:
        return CONSTRUCTORS["*"](other, self)

    __matmul__ = __mul__
    __rmatmul__ = __rmul__

    def __truediv__(self, other: Any) -> Expression:
        return CONSTRUCTORS["/"](self, other)

    def __rtruediv__(self, other: Any) -> Expression:
        return CONSTRUCTORS["/"](other, self)

    def __pow__(self, exponent: Any) -> Expression:
        return CONSTRUCTORS["**"](self, exponent)

    def __neg__(self) -> Expression:
        return CONSTRUCTORS["-"](self)

    def __str__(self) -> str:
        return method("text")(self)

    __repr__ = __str__

    def _sympystr(self, printer: Any) -> str:
        return str(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return method("restored"), (method("table")(self),)

    def __copy__(self, memo: Any = None) -> Expression:
        return self

    __deepcopy__ = __copy__

    def __array__(self, *options: Any, **more: Any) -> Any:
        raise TypeError(f"{self} has no numbers: evaluate(x=…) gives them, mc.compile a function of arrays")


def intern(
    cls: type[Expression], args: tuple[Any, ...], shape: Shape, only_operands: bool = False, **attributes: Any
) -> Any:
    """The one node of this class with these arguments; normal-form constructors alone call this."""
    identity = (cls, args)
    if (known := _interned.get(identity)) is not None and (found := known()) is not None:
        return found
    node: Any = object.__new__(cls)
    node._assumptions = cls.default_assumptions
    node._mhash = node._transposed = node._digest = node._mark = node._kinds = node._triangles = None
    node._contexts = ()
    node._args = args
    node.operands = args if only_operands else tuple([a for a in args if isinstance(a, Expression)])
    node.shape = shape
    node.is_scalar = shape[0] is ONE and shape[1] is ONE
    for name, value in attributes.items():
        setattr(node, name, value)
    reference = ReferenceType(node, partial(_forget, identity))
    first = _interned.setdefault(identity, reference)()  # another thread may have been faster
    if first is None:
        _interned[identity], first = reference, node
    return first


def _forget(identity: tuple[Any, ...], reference: ReferenceType[Expression]) -> None:
    if _interned.get(identity) is reference:
        del _interned[identity]


class Number(Expression):
    """A constant scalar: a rational number or a rational function of dimensions, such as 1/n."""

    __slots__ = ("value",)
    value: Expr


class Constant(Expression):
    """A named irrational constant: π."""

    __slots__ = ("name",)
    name: str


class Variable(Expression):
    """A named scalar, vector or matrix with the properties it was declared with."""

    __slots__ = ("name", "properties")
    name: str
    properties: frozenset[str]

    @property
    def is_index(self) -> bool:
        """Whether this is the variable #1, #2, … that an indexed sum binds."""
        return self.name.startswith("#")


class Identity(Expression):
    """The identity matrix of size n."""

    __slots__ = ()


class Ones(Expression):
    """The m×n matrix of ones; sums are products with it: sum(X) is 1ᵀX1."""

    __slots__ = ()


class Zero(Expression):
    """The m×n matrix of zeros (the scalar zero is a Number)."""

    __slots__ = ()


class Unit(Expression):
    """The i-th column eᵢ of the identity of size n; A[i,j] is eᵢᵀAeⱼ."""

    __slots__ = ()


class Commutation(Expression):
    """The commutation matrix K(m,n): K vec(A) = vec(Aᵀ) for A of shape (m, n)."""

    __slots__ = ()


class Sum(Expression):
    """A sum of at least two terms of one shape, like terms collected, numeric content taken out."""

    __slots__ = ()


class Product(Expression):
    """``coefficient · scalars · chain``: a number, sorted scalar factors, and matrix factors in order.

    A scalar product of matrices, such as x'Ay, has its chain only while it stands alone; inside a larger
    scalar it is one of the scalar factors.
    """

    __slots__ = ("bare", "chain", "coefficient", "scalars")
    bare: Expression | None  # the product without its coefficient, once it was asked for
    coefficient: Expr
    scalars: tuple[Expression, ...]
    chain: tuple[Expression, ...]


class Hadamard(Expression):
    """The entrywise product of at least two factors of one shape, which is not scalar."""

    __slots__ = ()


class Transpose(Expression):
    """The transpose of a leaf or of a node through which transposition does not pass."""

    __slots__ = ()
    own_ticks = 1


class Power(Expression):
    """A scalar to a scalar power, or a square matrix to an integer power; ``inv(A)`` is A⁻¹."""

    __slots__ = ()


class EntrywisePower(Expression):
    """``base.^exponent``, entry by entry; either one may be a scalar."""

    __slots__ = ()


class Apply(Expression):
    """A named function of expressions: tr, det, exp, diag, kron, …; ``args[0]`` is its name."""

    __slots__ = ("function",)
    function: str


class Block(Expression):
    """A block matrix; ``args`` are the number of block rows and then the blocks, row by row."""

    __slots__ = ()


class IndexedSum(Expression):
    """``Σ body`` for an integer index from lower to upper, both inclusive."""

    __slots__ = ()


def postorder(*roots: Expression) -> list[Expression]:
    """Every distinct node below the roots, operands before the nodes that use them; iterative.

    >>> import matcalc as mc
    >>> [str(e) for e in postorder(mc.parse("x'*x + x'*x", where="x: vector(n)"))]
    ['2', 'x', "x'", "x'*x", "2*x'*x"]
    """
    order: list[Expression] = []
    seen: set[Expression] = set()
    stack: list[Expression | None] = list(reversed(roots))
    while stack:
        node = stack.pop()
        if node is None:  # the node below is ready: all its operands are in order
            order.append(stack.pop())  # type: ignore[arg-type]
        elif node not in seen:
            seen.add(node)
            if operands := node.operands:
                stack += (node, None)
                stack += operands[::-1]
            else:
                order.append(node)
    return order


def depends_on(order: Iterable[Expression], variables: Iterable[Expression]) -> set[Expression]:
    """The variables, and the nodes of a postorder in which one of them occurs."""
    found = set(variables)
    for node in order:
        if not found.isdisjoint(node.operands):
            found.add(node)
    return found


def variables_of(*roots: Expression) -> Iterator[Variable]:
    """The distinct variables below the roots, in structural order, without the indices of sums."""
    return (e for e in postorder(*roots) if isinstance(e, Variable) and not e.is_index)
