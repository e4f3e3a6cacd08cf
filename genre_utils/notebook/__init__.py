"""What every notebook needs: to begin and to end, to show, to tell, to play."""

from .play import knobs, listen, player, quiz, upload
from .session import check_parameters, provenance, setup
from .show import check, finding, kept, model_card, scoreboard, source_code, table, told
