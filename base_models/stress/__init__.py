"""Videos altered as the world alters them, to see what detectors make of it.

`registry` lists the alterations with their strengths; what each does is a pure function of a
picture (`pictures`), or a copy of the file, encoded anew (`copies`). `media` makes the faces of
altered videos, `scores` has them scored by the models that have not seen these videos.
"""
