"""``python -m lib.notebooks STUDY``: what ./run_all.sh calls."""

import sys

from lib.notebooks.run import main

sys.exit(main())
