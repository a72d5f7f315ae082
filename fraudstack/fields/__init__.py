"""What one field says: a rule for each kind, the same for files (jobs/raw/fields.py), streams and posts.

A rule is made of regular expressions that Python and Java read alike, and of what is done with a text that matches.
"""
