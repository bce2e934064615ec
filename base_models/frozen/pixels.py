"""What pixels are made into, by the names that users know. Imports nothing heavy."""

from dataclasses import replace

from base_models.frozen.card import Pixels

#: What pixels are made into, by the names that users know; each also in the order BGR.
PIXELS = {
    "imagenet": Pixels((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": Pixels((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "unit": Pixels((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "clip": Pixels((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "raw": Pixels((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}
#: The same in a word.
PIXEL_WORDS = {
    "imagenet": "ImageNet",
    "half": "[-1, 1]",
    "unit": "[0, 1]",
    "clip": "CLIP",
    "raw": "[0, 255]",
}


def pixels_named(name: str) -> Pixels:
    """Of `imagenet`, `half-bgr`, ...

    Raises:
        KeyError: there is none of that name.
    """
    base, _, order = name.partition("-")
    if order not in ("", "bgr"):
        raise KeyError(name)
    return replace(PIXELS[base], channels="BGR") if order else PIXELS[base]
