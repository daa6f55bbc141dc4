"""Parts of a page: our own components and the pieces of HTML that several tabs share.

In come plain values and words; out come Gradio components, and HTML whose every foreign piece is escaped. They do not
know who the visitor is or what is computed.
"""
