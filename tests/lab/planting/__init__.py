"""Planted causes: one module for each family, and how a lab is composed and written of them."""
