"""A language model reads what a transaction says of itself; it can raise a suspicion and never takes one away."""
