"""Merge tied notes of one pitch into one note, for scores of every format."""

from collections.abc import Sequence

from data_prep.pitches import REST
from data_prep.readers.notes import Note


def merge_ties(notes: Sequence[Note]) -> list[Note]:
    """Make one note of each chain of notes of the same pitch that ties join.

    A tie between different pitches is left as it is: O'Neill's writes slurs so, and joining them would invent notes. Of
    a merged chain the first note's spelling and velocity count, and the largest chord: the top note of a chord is held
    even if the notes below it are struck again. Grace notes break no chain, since they take no time.
    """
    merged: list[Note] = []
    last = -1  # the row in `merged` of the latest note that takes time
    for note in notes:
        before = merged[last] if last >= 0 else None
        if (
            before is not None
            and before.tied
            and note.duration > 0
            and note.pitch != REST
            and note.pitch == before.pitch
            and note.onset == before.onset + before.duration
        ):
            size = max(before.chord_size, note.chord_size)
            merged[last] = before._replace(duration=before.duration + note.duration, tied=note.tied, chord_size=size)
            continue
        if note.duration > 0:
            last = len(merged)
        merged.append(note)
    return merged
