"""The one example format: person records in shards, and examples of them."""
