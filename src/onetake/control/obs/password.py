"""The password of the obs-websocket adapter: from the environment, a file, or made once.

Invariant: it is never an argument of a program, and a file others can read is refused.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from onetake.control.guard import Secret
from onetake.errors import OutputFailed, UsageError

__all__ = ["obs_password", "own_password_file"]

VARIABLE = "ONETAKE_OBS_PASSWORD"

_LENGTH = 20
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without letters that look alike: people type it into phones. 20 of them are 115 bits."""


def own_password_file() -> Path:
    """Return where the generated password is kept."""
    return platformdirs.user_config_path("onetake") / "obs-password"


def obs_password(file: str = "", environment: Mapping[str, str] = os.environ) -> Secret:
    """Return the password, generating and keeping one when there is none yet.

    Args:
        file: from the configuration; empty = our own.

    Raises UsageError for a file that is missing, empty or readable by others.
    """
    given = environment.get(VARIABLE)
    if given:
        return Secret(given)
    if file:
        return _read(Path(file).expanduser())
    own = own_password_file()
    if not own.exists():
        _write(own)
    return _read(own)


def _read(path: Path) -> Secret:
    try:
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) & 0o077:
            raise UsageError(f"{path} can be read by others", hint=f"chmod 600 '{path}'")
        password = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as a password file") from error
    if not password:
        raise UsageError(f"{path} is empty", hint="put the password into it")
    return Secret(password)


def _write(path: Path) -> None:
    password = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o600), "w") as file:
            file.write(password + "\n")
    except OSError as error:
        raise OutputFailed(f"{path} cannot be written: {error.strerror}") from error
