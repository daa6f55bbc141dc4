"""Parts of a page: our own components and the pieces of HTML that several tabs share.

Input: plain values and words. Output: Gradio components, and HTML in which every outside text is escaped. They do not
know who the visitor is or what is computed.
"""
