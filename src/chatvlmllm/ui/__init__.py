"""The workbench: pages in the browser (Streamlit). It is a client of the server and does no work of its own.

`app.py` is what Streamlit runs, `frame` what surrounds every page, `views` are the pages. `words` has every sentence,
`remote` asks the server, `shown` turns readings into what the pictures and texts of `static` draw.
"""
