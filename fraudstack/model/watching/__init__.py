"""What fails while a model is in force: what it said, held against what came of it, and both against its own past."""
