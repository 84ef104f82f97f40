"""Merging of tied notes, for scores of every format."""

from collections.abc import Sequence

from data_prep.pitches import REST
from data_prep.readers.notes import Note


def merge_ties(notes: Sequence[Note]) -> list[Note]:
    """Merge each chain of tied notes of the same pitch into one note.

    A tie between different pitches is ignored, because O'Neill's writes slurs as ties. A merged note has the spelling
    and velocity of the first note of its chain, and the largest chord size: the top note of a chord is held even if the
    notes below it are struck again. Grace notes do not interrupt a chain.
    """
    merged: list[Note] = []
    last = -1  # index in ``merged`` of the last note that is not a grace note
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
