"""What the two papers and BBNN's authors published, and what arithmetic finds at odds in it. Shown in every notebook.

`tables` holds what was printed, as data; `checks` compares it with itself.
"""

from .checks import *  # noqa: F401, F403
from .tables import *  # noqa: F401, F403
