"""Uuids and the token: made up, but identical in every run, so that transcripts can be compared."""

import hashlib

LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def made_up(what: str, length: int = 24) -> str:
    """Lower-case letters and digits, like Coolify's uuids since 4.2.0; identical for the same `what`."""
    return "".join(LETTERS[byte % len(LETTERS)] for byte in hashlib.sha512(what.encode()).digest()[:length])


TOKEN = f"1|{made_up('token', 48)}"
