"""Face crops altered for training: augmentation and self-blended images.

Every alteration is a pure function of a crop, RGB uint8 (s, s, 3), and of numbers drawn by a
generator of the crop's own, so that neither threads nor the size of batches change what comes out.
"""
