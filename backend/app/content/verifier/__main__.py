"""The entry point of the verifier: `python -I verify.pyz PACK.zip`."""

import sys

# Python puts the archive or the folder that this file is in at the front of sys.path.
from pack_verifier.command import main  # type: ignore[import-not-found]

if __name__ == "__main__":
    sys.exit(main())
