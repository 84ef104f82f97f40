"""Storage: the cache, files for users, and object stores that every machine of a cluster can read."""
