"""Configurations of the demo: valid as they are, on loopback. ``imslab demo`` puts free ports into copies."""
