"""A job in a cluster: made of what the chart renders, followed to its end, found again."""
