from .ears import MelEar, WaveEar
from .extract import extract_sound
from .settings import SoundSettings
from .store import Sound, load_sound, sound_path, write_sound

__all__ = [
    "MelEar",
    "Sound",
    "SoundSettings",
    "WaveEar",
    "extract_sound",
    "load_sound",
    "sound_path",
    "write_sound",
]
