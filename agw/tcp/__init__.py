"""TCP media (MSRP, BFCP): two connections of a stream, and the octets between them."""
