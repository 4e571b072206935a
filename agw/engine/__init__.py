"""Packet engines: what moves media from one leg of a stream to the other."""
