"""The HTTP edge: FastAPI over the host and the store. It translates; what is decided is decided further down.

`app` puts it together, `run` listens; `guard` and `edge` are what every request passes: who asks, how large, how slow,
and how an error looks. A route module exports one `router`.
"""
