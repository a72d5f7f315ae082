"""The scorer: HTTP around fraudstack.decisions, and nothing that isn't HTTP."""
