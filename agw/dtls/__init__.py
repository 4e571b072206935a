"""DTLS that ends at the gateway: keys for SRTP (RFC 5764), and UDPTL inside (RFC 7345)."""
