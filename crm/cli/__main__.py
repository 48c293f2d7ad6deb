"""`python -m crm.cli`."""

from crm.cli import main

main()
