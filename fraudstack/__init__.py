"""The domain of fraudstack: settings, schema and storage, shared by the jobs, the scorer and the dashboard."""
