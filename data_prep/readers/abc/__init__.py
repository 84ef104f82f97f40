"""Reader of ABC files after the ABC 2.1 standard: tunes, fields, tokens, and voices of exact notes."""
