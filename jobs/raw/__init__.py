"""What people have, read: raw files as numbered lines, lines as typed columns, the small files beside them."""
