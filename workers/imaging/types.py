"""Pixels."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Rgb: TypeAlias = NDArray[np.uint8]
"""uint8, (height, width, 3), red first."""

Grey: TypeAlias = NDArray[np.uint8]
"""uint8, (height, width), 0 is black."""

Points: TypeAlias = NDArray[np.float64]
"""float64, (n, 2), x and y in pixels."""
