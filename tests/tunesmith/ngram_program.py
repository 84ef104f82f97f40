"""tunesmith with the n-gram of docs/adding-a-family.md as a family: ``python ngram_program.py search ngram``."""

from models.families import register
from tunesmith.cli import main

register("tests.models.ngram_family.family:Ngram")
main()
