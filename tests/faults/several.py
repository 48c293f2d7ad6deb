"""Several commands in one process: `python -m tests.faults.several '[["init"], …]'`."""

import json
import sys

from crm.cli import main

if __name__ == "__main__":
    for words in json.loads(sys.argv[1]):
        main(words, standalone_mode=False)
