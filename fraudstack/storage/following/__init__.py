"""What follows from transactions, brought up to date by what changed of them."""
