"""`ca_cert`: converts every form in which people have a certificate to PEM text.

https://www.rfc-editor.org/rfc/rfc7468
"""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from pathlib import Path
from typing import Any

from deployer.settings import files

MAX_BYTES = 1024 * 1024
"""The largest file of certificates; the public CAs take a quarter of that."""

BLOCK = re.compile(r"-----BEGIN ((?:X509 )?CERTIFICATE)-----(.*?)-----END \1-----", re.DOTALL)
NO_CERTIFICATE = "does not contain a certificate in PEM format"


def certificates(text: Any) -> Any:
    r"""All certificates in the text, as PEM. Raises ValueError.

    The text is a path, or the certificates themselves: PEM, with line breaks, `\n` or spaces between the
    lines, or base64 of PEM or DER. A file contains PEM, base64 or DER.
    """
    if not isinstance(text, str) or not text:
        return text
    if "-----BEGIN" in text:
        return _checked(_pem(text))
    if not _is_file(text) and (data := _decoded(text)):
        return _checked(_from_bytes(data))
    return _checked(_from_bytes(files.read_bytes(text, MAX_BYTES)))


def _is_file(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long for a name, or not accessible
        return False


def _from_bytes(data: bytes) -> str:
    if data[:1] == b"\x30":  # how every certificate in DER format begins
        return ssl.DER_cert_to_PEM_cert(data)
    text = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8", "replace")
    if "-----BEGIN" not in text and (inner := _decoded(text)):
        return _from_bytes(inner)
    return _pem(text)


def _decoded(text: str) -> bytes:
    """The decoded base64; empty if that is not a certificate in PEM or DER format."""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if b"-----BEGIN" in data or data[:2] == b"\x30\x82" else b""


def _pem(text: str) -> str:
    """Every certificate, with line breaks as PEM requires them; comments and keys are dropped."""
    broken = re.sub(r"(?:\\r)?\\n|\\r", "\n", text)
    return "".join(
        f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
        for match in BLOCK.finditer(broken)
        if (body := "\n".join(re.findall(r".{1,64}", "".join(match[2].split()))))
    )


def _checked(pem: str) -> str:
    try:
        if pem:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
            return pem
    except (ssl.SSLError, ValueError):
        pass
    raise ValueError(NO_CERTIFICATE)
