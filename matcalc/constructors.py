"""All modules that register a constructor; imported when one is missed, such as on unpickling."""

from matcalc import (
    applications,
    function_forms,
    leaves,
    operators,
    powers,
    products,
    reading,
    substitutions,
    sums,
    transposes,
)

MODULES = (applications, function_forms, leaves, operators, powers, products, reading, substitutions, sums, transposes)
