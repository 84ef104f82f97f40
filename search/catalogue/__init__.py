"""The searches of a home folder: listing, renaming and deleting them."""
