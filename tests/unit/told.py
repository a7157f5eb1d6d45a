"""How tests read what is told to people: the names and numbers in it; a sentence may be written
otherwise.
"""

from __future__ import annotations


def values(text: str) -> set[str]:
    """The words of a text without what surrounds them, to look for names and numbers in."""
    return {word.strip(",;:.?()[]'\"") for word in text.split()}
