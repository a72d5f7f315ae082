"""Columns of others: how a raw file with names and forms of its own becomes the contract's columns."""
