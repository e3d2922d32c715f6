"""A worker process of the crew: `python -m license_hub.service.worker`, spoken to over its standard input and output.

Each message is its length in 8 bytes, big-endian, and a pickle: first the keys (data, index, data keys of before) and the task, then
jobs; each job is answered by what the task makes of it, or by the exception it raised. The end of the input is the end of the worker.
Keys come by the pipe: never by an argument or a variable that others may see.
"""

from __future__ import annotations

import gc
import os
import pickle
import struct
import sys
from typing import BinaryIO

from license_hub.storage.crypt import Crypt

LENGTH = struct.Struct(">Q")


def send(stream: BinaryIO, message: object) -> None:
    """Raises BrokenPipeError when the other side is gone."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    stream.write(LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: BinaryIO) -> object:
    """Raises EOFError when the other side is gone, mid-message or between two."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    data = stream.read(LENGTH.unpack(head)[0])
    if len(data) < LENGTH.unpack(head)[0]:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 (from our own parent or child, by their own pipe)


def main() -> None:
    inward, outward = sys.stdin.buffer, sys.stdout.buffer
    # Whatever a library prints must not end up between two messages.
    sys.stdout = sys.stderr
    # Jobs make no cycles, and a worker ends with its publication: collecting would only walk rows on their way out.
    gc.disable()
    try:
        *keys, task = receive(inward)
        crypt = Crypt(*keys)
        while True:
            job = receive(inward)
            try:
                made: object = task(job, crypt, os.urandom)
            except Exception as fault:
                made = fault
            send(outward, made)
    except (EOFError, BrokenPipeError):
        return


if __name__ == "__main__":
    main()
