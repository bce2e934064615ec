"""The one error that is the caller's to mend."""


class InputError(ValueError):
    """Input that fakeodds cannot use, told in one sentence.

    The message names the file and the row or column, says what was expected, and what to do.
    The command line prints it without a traceback and exits with code 2.
    """
