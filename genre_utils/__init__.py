"""Music genre classification with convolutional networks: the code that more than one notebook needs.

Each module may import only from those above it::

    _store  papers  audio  synthesis  datasets  augment  features  models  training  evaluation  plots  notebook
"""

__version__ = "0.1.0"
