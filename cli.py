"""The command line from a checkout: python cli.py diff "x'*A*x" x."""

from matcalc.commands import main

main()
