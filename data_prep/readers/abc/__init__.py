"""ABC files, read by the ABC 2.1 standard: files into tunes, fields, tokens, and voices of exact notes."""
