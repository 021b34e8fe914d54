"""The mesh of the demo: the objects of the chain, and an Envoy configured by them."""
