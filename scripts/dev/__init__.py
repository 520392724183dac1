"""What the check and the demo are made of. Only the standard library, as nothing is set up yet."""
