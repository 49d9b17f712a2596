"""Properties that are worked out once, when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class lazy_property(Generic[T]):
    """``functools.cached_property`` without the lock that it takes before Python 3.12, which costs more than it saves.

    >>> class Circle:
    ...     @lazy_property
    ...     def area(self) -> float:
    ...         print("worked out")
    ...         return 3.14
    >>> circle = Circle()
    >>> circle.area + circle.area
    worked out
    6.28
    """

    def __init__(self, function: Callable[[Any], T]) -> None:
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> lazy_property[T]: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> T | lazy_property[T]:
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self.function(instance)
        return value
