"""One PySpark program a file: arguments → run(spark, …) → a summary."""
