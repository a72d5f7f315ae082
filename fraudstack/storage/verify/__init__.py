"""Whether what follows from a store's facts is what they make: rebuilt client by client and day by day, beside it."""
