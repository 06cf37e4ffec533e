"""What ends a run."""


class Failed(Exception):
    """A subject did not do its work: a wrong answer, a broken connection, a short body."""


class Mistake(Exception):
    """The command asks for what there is not."""
