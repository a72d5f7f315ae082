"""One screen a file: `draw()` draws it.

Not called pages: Streamlit would take a folder of that name for an app of its older kind, and run its files alone.
"""
