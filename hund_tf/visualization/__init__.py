"""All pictures: overlays, descents, sheets of examples, curves of training."""
