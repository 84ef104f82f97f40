"""What is shown of searches, trials and corpora: tables, pictures and the live display."""
