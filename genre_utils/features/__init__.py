"""What the networks read: log-mel spectrograms and waveforms, computed once and kept, or cropped anew in every epoch.

Explained in notebook 02, crops in notebooks 03 and 12.
"""

from .config import PRESETS, STANDARDISE, MelConfig, WaveformConfig, preset
from .crops import Crops, Recordings, scan, several
from .mel import log_mel, standardise, training_statistics
from .store import EXTRACTOR, Features, extract, store_key, version
