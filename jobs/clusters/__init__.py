"""What is looked at of a client to group it, and what a group is called."""
