"""TLS and DTLS that end at the gateway: certificates, fingerprints, sessions. Octets in, octets out."""
