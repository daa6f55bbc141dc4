"""Numbers in, pictures out: plotly figures, tiles of a matrix, and SVG for paper. Knows no component and no visitor."""
