"""Reports on composed tunes: measures compared with the corpus, pages and pictures."""
