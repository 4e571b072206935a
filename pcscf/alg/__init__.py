"""The IMS-ALG (TS 23.334, TS 33.328): decides per m-line, owns the SDP of both legs, plans Iq procedures."""
