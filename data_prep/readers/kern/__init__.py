"""Reader of Humdrum kern files: spines, tokens and repeats."""
