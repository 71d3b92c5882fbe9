"""Run in a fresh interpreter: imports the modules named in the arguments and says which cannot be imported.

The environment is empty and whatever opens a connection fails.
"""

import importlib
import socket
import sys
from typing import NoReturn


def refuse(*_: object, **__: object) -> NoReturn:
    raise OSError("a module goes to the network when it is imported")


def main(names: list[str]) -> None:
    for name in ("connect", "connect_ex", "bind", "sendto"):
        setattr(socket.socket, name, refuse)
    socket.getaddrinfo = refuse
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            sys.stdout.write(f"{name}: {type(error).__name__}: {error}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
