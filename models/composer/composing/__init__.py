"""Composing tunes by a trained composer, note by note, under rules of metre, key and form."""
