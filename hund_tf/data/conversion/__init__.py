"""From public datasets to shards of person records."""
