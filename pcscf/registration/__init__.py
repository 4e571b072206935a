"""Registration at the edge: security agreement, Path and flow tokens, bindings. Pure."""
