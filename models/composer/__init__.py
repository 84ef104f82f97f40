"""The composer: recurrent melody models that copy from the tune's own past."""
