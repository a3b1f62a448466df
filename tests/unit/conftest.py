from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from app.demo.fonts import Face, Fonts
from workers.ocr.rapid import RapidEngine

SENTENCES = (
    "关于做好今年档案管理工作的通知",
    "各乡镇人民政府、街道办事处，县直有关部门：",
    "为切实做好今年的档案管理工作，保障人民群众的生产生活，",
    "根据省人民政府会议精神，现将有关事项通知如下：",
    "一、上一年度形成的文件材料应当在六月底以前归档，",
    "永久和三十年的要同时移交目录数据。",
    "二、县档案馆今年接收十五个单位一九八五年以前的档案，",
    "其中柳林镇、河口乡作为试点先行移交。",
    "三、库房要做到防火、防盗、防潮、防虫，温度控制在十四度，",
    "每天记录一次，不得间断。",
    "四、查阅档案须出示有效证件，复制件加盖证明专用章，",
    "与原件具有同等的查考作用。",
)


@dataclass(frozen=True)
class Letter:
    """A clean sheet of A4 at 200 dpi, with each sentence and its box: left, top, right, bottom."""

    pixels: NDArray[np.uint8]
    boxes: dict[str, tuple[float, float, float, float]]


@pytest.fixture(scope="session")
def letter() -> Letter:
    font = Fonts().get(Face.SONG, 44)
    image = Image.new("RGB", (1654, 2339), (250, 248, 242))
    pen = ImageDraw.Draw(image)
    boxes: dict[str, tuple[float, float, float, float]] = {}
    for number, sentence in enumerate(SENTENCES):
        place = (220, 260 + 120 * number)
        pen.text(place, sentence, (40, 38, 36), font)
        boxes[sentence] = pen.textbbox(place, sentence, font)
    pixels = np.array(image)
    pixels.setflags(write=False)
    return Letter(pixels, boxes)


@pytest.fixture(scope="session")
def rapid() -> RapidEngine:
    return RapidEngine()
