"""Where a store is, how it is reached one row at a time or in bulk, and whose turn it is."""
