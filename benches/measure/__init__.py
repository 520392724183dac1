"""What `benches/run.py` is made of: works, the programs that do them, and how they are measured."""
