"""The one example format: people in images with their labels, as TFRecords."""
