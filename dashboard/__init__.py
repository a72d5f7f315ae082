"""What people see: Streamlit pages over the stores, which they only read, and the scorer's API, which writes."""
