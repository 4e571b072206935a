"""The P-CSCF with its IMS-ALG: an asyncio SIP edge proxy (TS 24.229, TS 33.328)."""
