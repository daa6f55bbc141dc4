"""`python -m gblm_viz`: the command line."""

from gblm_viz.cli.main import main
from gblm_viz.encoding import insist_on_utf8

if __name__ == "__main__":
    insist_on_utf8()
    raise SystemExit(main())
