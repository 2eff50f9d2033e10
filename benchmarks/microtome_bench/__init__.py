"""Measures Microtome beside TFMA and bare inference."""
