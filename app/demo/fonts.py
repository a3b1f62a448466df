"""Chinese typefaces from the front end's packages, opened once each."""

from enum import StrEnum
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

NODE_MODULES = Path(__file__).parents[2] / "node_modules"
_NOBODY_S = "\U000fffff"  # a private character: what a typeface shows for all that it lacks


class Face(StrEnum):
    """A typeface, by its file inside the npm packages."""

    SONG = "@expo-google-fonts/noto-serif-sc/500Medium/NotoSerifSC_500Medium.ttf"
    SONG_BOLD = "@expo-google-fonts/noto-serif-sc/900Black/NotoSerifSC_900Black.ttf"
    HEI = "@expo-google-fonts/noto-sans-sc/500Medium/NotoSansSC_500Medium.ttf"
    BRUSH = "@expo-google-fonts/ma-shan-zheng/400Regular/MaShanZheng_400Regular.ttf"


class FontsMissing(FileNotFoundError):
    """The front end's packages have not been installed."""

    def __init__(self, missing: Path) -> None:
        super().__init__(f"{missing} is missing: run `make install`, which fetches the typefaces of the demo")


class Fonts:
    """The typefaces below one folder of npm packages.

    Parameters
    ----------
    node_modules : Path
        Folder of installed packages; the checkout's own unless told otherwise.

    Raises
    ------
    FontsMissing
        A typeface is not there.
    """

    def __init__(self, node_modules: Path = NODE_MODULES) -> None:
        self._folder = node_modules
        self._open: dict[tuple[Face, int], ImageFont.FreeTypeFont] = {}
        self._shapes: dict[tuple[Face, str], bytes] = {}
        for face in Face:
            if not (node_modules / face).is_file():
                raise FontsMissing(node_modules / face)

    def get(self, face: Face, size: int) -> ImageFont.FreeTypeFont:
        """Return a typeface at a size in pixels."""
        key = face, size
        if key not in self._open:
            # The basic layout engine is in every Pillow; the other depends on the machine's libraries.
            self._open[key] = ImageFont.truetype(self._folder / face, size, layout_engine=ImageFont.Layout.BASIC)
        return self._open[key]

    def has(self, face: Face, character: str) -> bool:
        """Tell whether a typeface can write a character."""
        return character.isspace() or self._shape(face, character) != self._shape(face, _NOBODY_S)

    def _shape(self, face: Face, character: str) -> bytes:
        key = face, character
        if key not in self._shapes:
            patch = Image.new("L", (24, 24))
            ImageDraw.Draw(patch).text((2, 2), character, fill=255, font=self.get(face, 16))
            self._shapes[key] = patch.tobytes()
        return self._shapes[key]
