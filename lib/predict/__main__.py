"""``python -m lib.predict results/STUDY texts.csv``: what ./run_all.sh --predict calls."""

import sys

from lib.predict.command import main

sys.exit(main())
