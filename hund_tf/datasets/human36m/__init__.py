"""Human3.6M: its files, cameras and takes, and the reader that joins them."""
