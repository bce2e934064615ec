"""Detectors that somebody else trained, scored as they are: cards, files, networks.

A card (`card`) says what a file of weights is; `kinds` lists what can be opened, a module each;
`catalogue` finds the card that a name, a path or a class means; `install` brings it into a run.
"""
