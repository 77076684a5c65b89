"""Where Python starts when it is given the verifier: `python -I verify.pyz PACK.zip`."""

import sys

# The path begins with the archive, or the folder, that this file is in.
from pack_verifier.command import main  # type: ignore[import-not-found]

if __name__ == "__main__":
    sys.exit(main())
