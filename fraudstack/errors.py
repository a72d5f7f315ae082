"""The ways in which work can be refused; each message is one sentence for the person who has to act."""


class Refusal(Exception):  # noqa: N818 - the errors below are its kinds
    """Work that can't be done, for a reason somebody can mend; `exit_code` is what a command ends with."""

    exit_code = 1


class SettingError(Refusal):
    """A setting can't be what it is: the sentence names it and says what it may be."""

    exit_code = 2


class InputError(Refusal):
    """The data handed in can't be used: the sentence says what is wrong and where."""

    exit_code = 3


class StoreError(Refusal):
    """The store can't be used as it is: the sentence says why and what to do."""

    exit_code = 4


class OutcomeUnknownError(StoreError):
    """A transaction failed while it was being committed, and is over: what it wrote may be stored."""


class CollidedError(StoreError):
    """Somebody else wrote the same at the same moment: what was begun is undone, and done again it finds the other."""


class DifferenceError(Refusal):
    """A store says otherwise than its own facts: the sentence says in how many places."""

    exit_code = 6


class MachineError(Refusal):
    """The machine lacks something: the sentence says what and how to get it."""

    exit_code = 5
