"""SQLite and PostgreSQL behind one URL; the only room of SQL besides dashboard/queries.

Jobs read and write in bulk through ADBC (`batch`), everything else goes through SQLAlchemy (`engines`).
A process uses one of the two on a file at a time: each brings its own copy of SQLite, and closing one
copy's handle drops the other's locks.
"""
