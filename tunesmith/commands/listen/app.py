"""``tunesmith listen``: its commands."""

import typer

from tunesmith.commands.listen.make import make
from tunesmith.commands.listen.score import score
from tunesmith.commands.listen.serve import serve

app = typer.Typer(help="Ask people: make, serve and score a listening test.", no_args_is_help=True)
for function in (make, serve, score):
    app.command()(function)
