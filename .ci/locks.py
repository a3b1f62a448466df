"""``locks.py write | check``: the lock files, made anew or compared with what they were made of.

A lock carries the digest of its sources in its first line, so that the comparison needs no network.
Locks hold for Linux on x86-64 and ARM and for every Python from 3.11 on; they name no registry.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = {
    "requirements.lock": ("requirements.in",),
    "requirements-dev.lock": ("requirements-dev.in", "requirements.in"),
}
ADDRESS = re.compile(r'^ *--(extra-)?(index-url|find-links)|"resolved":|[a-z]+://[^"\s]*/simple', re.MULTILINE)


def mark(lock: str) -> str:
    """Return the first line that a fresh lock has."""
    sources = b"".join((ROOT / source).read_bytes() for source in SOURCES[lock])
    return f"# made by `make lock` of {' and '.join(SOURCES[lock])}, sha256 {hashlib.sha256(sources).hexdigest()}\n"


def index() -> list[str]:
    """Return the package index of this machine's pip, as an option of uv, which does not read pip's settings."""
    pip = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True, timeout=60
    )
    found = re.findall(r"index-url='([^']+)'", pip.stdout)
    return ["--default-index", found[-1]] if found else []


def write() -> None:
    """Resolve all locks anew."""
    options = ["--quiet", "--upgrade", "--universal", "--python-version", "3.11", "--system-certs"]
    options += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate", *index()]
    for lock, (source, *_) in SOURCES.items():
        command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", *options, source, "--output-file", lock]
        subprocess.run(command, check=True, cwd=ROOT, timeout=600)
        path = ROOT / lock
        path.write_text(mark(lock) + path.read_text("utf-8"), "utf-8")
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("The locks of Python are written; package-lock.json needs npm.")
    subprocess.run([npm, "update", "--package-lock-only", "--silent"], check=True, cwd=ROOT, timeout=600)


def check() -> list[str]:
    """Return what is wrong with the locks; reads files only."""
    faults = [f"{lock} is older than what it is made of" for lock in SOURCES if not current(lock)]
    package = json.loads((ROOT / "package.json").read_text("utf-8"))
    locked = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"][""]
    kinds = ("dependencies", "devDependencies")
    if any(package.get(kind) != locked.get(kind) for kind in kinds):
        faults.append("package-lock.json differs from package.json")
    locks = (*SOURCES, "package-lock.json")
    named = [lock for lock in locks if ADDRESS.search((ROOT / lock).read_text("utf-8"))]
    return faults + [f"{lock} names an address" for lock in named]


def current(lock: str) -> bool:
    """Tell whether a lock was made of the present sources."""
    return (ROOT / lock).read_text("utf-8").startswith(mark(lock))


def main() -> None:
    """Do what the only argument says."""
    if sys.argv[1:] == ["write"]:
        write()
    elif faults := check():
        sys.exit("\n".join([*faults, "Mend with: make lock"]))


if __name__ == "__main__":
    main()
