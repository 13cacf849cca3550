"""Begins this program without looking for installed packages, which takes longer than what they would be for.

It is run as a file by `python -I -S`; nothing imports it.
"""

import sys

sys.path.insert(0, __file__.rpartition("/integrations/runner/")[0])

from integrations.runner.__main__ import main

sys.exit(main())
