"""The page: components, handlers, and the server they run in."""

from gblm_viz.proxies import set_aside

from .no_stubs import keep_from_writing

set_aside()  # before anything here imports Gradio, which ends the process if a proxy setting is unusable
keep_from_writing()
