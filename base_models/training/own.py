"""Training of users' own networks: as those of timm, from random weights or a file of theirs."""

from base_models.detectors.own_network import resolve_own as settle_start
from base_models.training.torch import begin, read_checkpoint, session

__all__ = ["begin", "read_checkpoint", "session", "settle_start"]
