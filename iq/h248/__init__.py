"""H.248.1 version 2 in its text encoding (Annex B). Pure."""
