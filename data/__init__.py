"""The generator of card transactions, with its tables and a small sample."""
