"""What each client and each value did, folded through a whole history: what a model and the rules look at."""
