"""The sound of a video: decoded, cut into windows, stored as log-mel spectrograms.

What is exported here is light. `base_models.sound.extract.extract_sound` loads PyAV.
"""

from base_models.sound.settings import SoundSettings
from base_models.sound.store import Sound, SoundInfo, load_sound, read_info, sound_path, write_sound

__all__ = [
    "Sound",
    "SoundInfo",
    "SoundSettings",
    "load_sound",
    "read_info",
    "sound_path",
    "write_sound",
]
