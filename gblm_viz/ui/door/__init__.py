"""Who is let in: names, origins, password, prefix, and which requests reach Gradio.

In comes a request; out comes the request, or an answer of one sentence. It does not know models or results.
"""
