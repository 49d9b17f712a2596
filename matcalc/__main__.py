"""``python -m matcalc`` runs the command line."""

from matcalc.commands import main

if __name__ == "__main__":
    main()
