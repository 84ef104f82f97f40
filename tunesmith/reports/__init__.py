"""Tables, pictures and the live display of searches, trials and corpora."""
