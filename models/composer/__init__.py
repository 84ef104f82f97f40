"""The composer: a family of recurrent melody models that copy from the tune's own past."""
