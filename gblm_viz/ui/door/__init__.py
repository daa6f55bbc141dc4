"""Access control: host names, origins, password, path prefix, and which requests reach Gradio.

Input: a request. Output: the request passed on, or an answer of one sentence. It does not know models or results.
"""
