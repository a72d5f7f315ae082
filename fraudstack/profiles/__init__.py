"""What is usual for a client, kept as running sums: pure figures, no database."""
