from .extract import extract_sound
from .settings import SoundSettings
from .store import Sound, load_sound, sound_path, write_sound

__all__ = [
    "Sound",
    "SoundSettings",
    "extract_sound",
    "load_sound",
    "sound_path",
    "write_sound",
]
