"""A posted transaction becomes a decision: validated, scored, stored, answered."""
