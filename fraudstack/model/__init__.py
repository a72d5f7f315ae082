"""A trained model: how it is fitted, kept, judged and described; no Spark, no database."""
