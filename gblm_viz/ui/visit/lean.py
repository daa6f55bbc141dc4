"""What Gradio keeps of an open page, without what this app never uses of it.

For its deep links, which are closed here, Gradio describes all components anew for every page that is opened, and puts
every answer beside its description: a megabyte a page. Here both are dropped; the values of the states stay.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder


class LeanState(SessionState):
    """One page's states, and the components that differ from those of the page as it was built."""

    def __init__(self, blocks: gr.Blocks) -> None:
        # Gradio describes those components that are in `blocks` as well: here none
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))  # type: ignore[arg-type]
        self.config_values = _Dropped()

    def __setitem__(self, key: int, value: Any) -> None:
        if isinstance(self.blocks_config.blocks.get(key), gr.State):
            super().__setitem__(key, value)
        else:
            self.blocks_config.blocks[key] = value  # without describing it, which took a tenth of a page's opening

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class _Dropped(dict[int, Any]):
    """Takes descriptions and keeps none."""

    def __setitem__(self, key: int, value: Any) -> None:
        pass


class LeanHolder(StateHolder):
    """The pages of one app."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = LeanState(self.blocks)
        return super().__getitem__(session_id)


def keep_little(app: App, blocks: gr.Blocks) -> None:
    """Have Gradio's app of these blocks keep its pages like this."""
    app.state_holder = LeanHolder()
    app.state_holder.set_blocks(blocks)
