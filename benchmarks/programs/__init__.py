"""Programs that benchmarks start: servers, and a search written by hand."""
