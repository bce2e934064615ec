"""Comments beginning with `#:` above an attribute are its docstring, in the reference too."""

from __future__ import annotations

import ast
from typing import Any

import griffe


class CommentsAsDocstrings(griffe.Extension):
    """Reads `#: what it is` above module and class attributes; griffe knows strings below alone."""

    def on_attribute_instance(
        self, *, node: ast.AST | griffe.ObjectNode, attr: griffe.Attribute, **kwargs: Any
    ) -> None:
        """Called for every attribute, as griffe finds it."""
        if attr.docstring or attr.lineno is None or attr.lines_collection is None:
            return
        lines = attr.lines_collection[attr.filepath]  # type: ignore[index]
        comment: list[str] = []
        above = attr.lineno - 2  # lines are counted from 1
        while above >= 0 and lines[above].lstrip().startswith("#:"):
            comment.insert(0, lines[above].lstrip().removeprefix("#:").strip())
            above -= 1
        if comment:
            attr.docstring = griffe.Docstring("\n".join(comment), lineno=above + 2, parent=attr)
