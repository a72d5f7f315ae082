"""What every step of an ingest has in common: its turn on the store, its folders, its summary."""
