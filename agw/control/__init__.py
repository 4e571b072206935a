"""Contexts and terminations of the gateway (H.248.1 6): an Iq action in, edits of the engine, a reply out."""
