"""Session descriptions (RFC 8866): a lossless model, and the attributes that media plane security needs."""
