"""What people have, read without Spark: files as they were saved, whatever packs them, as lines of text."""
