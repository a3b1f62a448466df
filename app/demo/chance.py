"""Chance that falls the same way every time."""

import hashlib

import numpy as np


def chance(*parts: str) -> np.random.Generator:
    """Return the generator that belongs to these words, and to no others.

    Parameters
    ----------
    parts : str
        What is being decided: county, reference code, page, purpose.
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8]))


def pick(rng: np.random.Generator, among: tuple[str, ...]) -> str:
    """Return one of several words."""
    return among[int(rng.integers(len(among)))]


def pick_some(rng: np.random.Generator, among: tuple[str, ...], count: int) -> list[str]:
    """Return `count` different words in the order in which they stand."""
    return [among[i] for i in sorted(rng.choice(len(among), count, replace=False))]
