"""Decisions that were made in batch: put into the store in bulk, and how good they were by day."""
