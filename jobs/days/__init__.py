"""What is counted by day, made of all transactions."""
