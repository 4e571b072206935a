"""The Iq reference point between IMS-ALG and IMS-AGW: TS 23.334 procedures over H.248.1 text."""
