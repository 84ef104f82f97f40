"""What is shown of tunes: measures beside the corpus's, pages and pictures."""
