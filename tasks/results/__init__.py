"""From the results of chunks to the tables of a sweep."""
