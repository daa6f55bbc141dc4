"""Start GBLM-Viz from a checkout."""

from gblm_viz.app import program

if __name__ == "__main__":
    program()
