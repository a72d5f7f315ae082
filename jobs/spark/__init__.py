"""How Spark is run: its session, its progress, its log, and the classes that it starts from."""
