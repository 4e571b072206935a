"""The proxy core: a dialog-stateful, record-routing proxy with the IMS-ALG's duties. Pure.

Events go in (requests, responses, gateway replies, the time), effects come out; ``pcscf.edge`` executes them.
"""
