"""What the two papers and BBNN's authors published, and what follows from it by a formula. Shown in every notebook."""

from .formulas import f1, ordinary_accuracy
from .tables import *  # noqa: F401, F403
