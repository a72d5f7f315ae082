"""What is in a store, told to people: `collect` counts, `text` shows it on a terminal, `page` writes it as HTML."""

from fraudstack.report.collect import collect
from fraudstack.report.model import Report

__all__ = ["Report", "collect"]
