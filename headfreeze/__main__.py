"""`python -m headfreeze` is the command `headfreeze`."""

from headfreeze.cli import main

if __name__ == "__main__":
    main()
