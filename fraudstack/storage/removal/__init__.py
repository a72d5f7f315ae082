"""What is taken out of a store: transactions by their ids, a client, a load."""
