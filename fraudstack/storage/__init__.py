"""SQLite and PostgreSQL behind one URL; the only room of SQL besides dashboard/queries.

A noun is a module, or a folder: the folder's own functions take one row at a time, its `bulk` many. Jobs read and write
in bulk through ADBC (`connections.bulk`), the scorer through the databases' own clients (`connections.online`), who
only reads through SQLAlchemy (`connections.engines`). A process uses one of them on a file at a time: each brings its
own copy of SQLite, and closing one copy's handle drops the other's locks.
"""
