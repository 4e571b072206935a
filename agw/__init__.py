"""The IMS Access Gateway: terminates media plane security on the access side (TS 33.328, TS 23.334)."""
