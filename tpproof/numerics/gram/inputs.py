"""Input arrays from strangers: one (N, d), or (N, count, d), for every input of a network, checked before any use.

What a file says of itself (type, shape, bytes) is compared with its size and with `Limits` before a number is read;
nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import math
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import ArrayLike, NDArray

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.program.model import Input

Array = NDArray[np.float64]
_CHUNK = 2**20  # numbers looked at together
_MAGIC = b"\x93NUMPY"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGED = (ValueError, SyntaxError, TypeError, KeyError, EOFError, RecursionError, MemoryError, OverflowError)
_BAD_ZIP = (*_DAMAGED, zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, zlib.error)


@dataclass(frozen=True)
class InputArrays:
    """N data points for a network, one array for every input of it.

    Attributes
    ----------
    inputs
        The network's inputs, in its order.
    arrays
        For each of them the data, float64 of shape (N, parts, d); one input vector has 1 part. Every input has a d of
        its own: an embedding divides by the root of the d that it reads. Read-only, and still on disk where the file
        could be mapped.
    """

    inputs: tuple[Input, ...]
    arrays: tuple[Array, ...]

    def __len__(self) -> int:
        """N."""
        return len(self.arrays[0])

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The d of every input."""
        return tuple(a.shape[-1] for a in self.arrays)

    def rows(self, rows: slice) -> InputArrays:
        """Some of the data points, without a copy."""
        return InputArrays(self.inputs, tuple(a[rows] for a in self.arrays))

    def fingerprint(self) -> str:
        """SHA-256 of names, shapes and numbers, in hexadecimal."""
        digest = hashlib.sha256()
        for declared, array in zip(self.inputs, self.arrays, strict=True):
            digest.update(repr((declared.name, declared.count, array.shape)).encode())
            for piece in _pieces(array):
                digest.update(np.ascontiguousarray(piece, dtype="<f8").tobytes())
        return digest.hexdigest()


def read_inputs(path: str | Path, program_inputs: Sequence[Input], limits: Limits = DEFAULT) -> InputArrays:
    """The inputs that a file holds.

    Parameters
    ----------
    path
        A ``.npy`` file for a network with one input: shape (N, d), or (N, count, d) for ``input("xi", count)``. A
        ``.npz`` file with one such array under each input's name, all with the same N. The content tells which it is.
    program_inputs
        What the network declares.
    limits
        ``limits.input_numbers`` bounds how many numbers the arrays have together.

    Returns
    -------
    InputArrays
        Float64 in native byte order. Integers and other floats are converted; a ``.npy`` file that needs no
        conversion stays on disk, memory-mapped.

    Raises
    ------
    TpproofError
        E100 when the file cannot be read, E104 when it holds too many numbers, E153 when it is damaged or its arrays
        are not what the network takes.
    """
    path = Path(path)
    _require_inputs(program_inputs)
    try:
        regular = path.is_file()
        if path.exists() and not regular:
            raise TpproofError("E100", f"{path}: no regular file", "a .npy or .npz file")
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TpproofError("E100", f"{str(path)[:200]}: {reason}", "a .npy or .npz file") from None
    if head == _MAGIC:
        found = _read_npy(path, program_inputs, limits)
    elif head[:4] in _ZIP:
        found = _read_npz(path, program_inputs, limits)
    else:
        raise TpproofError("E153", f"{path}: no .npy or .npz file", _file_wanted(program_inputs))
    return _together(str(path), program_inputs, found, limits)


def as_inputs(data: Any, program_inputs: Sequence[Input], limits: Limits = DEFAULT) -> InputArrays:
    """The inputs that Python objects hold.

    Parameters
    ----------
    data
        For one input an array-like of shape (N, d), or (N, count, d) with a count. For several a mapping from their
        names, or a sequence in the network's order, of such arrays. `InputArrays` are passed through.
    program_inputs
        What the network declares.
    limits
        As in `read_inputs`.

    Raises
    ------
    TpproofError
        E104 for too many numbers, E153 for what the network does not take.
    """
    _require_inputs(program_inputs)
    source = "the data"
    if isinstance(data, InputArrays):
        if data.inputs != tuple(program_inputs):
            raise TpproofError("E153", f"inputs {_named(data.inputs)}", f"inputs {_named(program_inputs)}")
        return data
    if isinstance(data, Mapping):
        named = {str(key): value for key, value in data.items()}
        _require_keys(source, list(named), program_inputs)
        given = [named[i.name] for i in program_inputs]
    elif len(program_inputs) == 1:
        given = [data]
    elif isinstance(data, list | tuple) and len(data) == len(program_inputs):
        given = list(data)
    else:
        expected = f"a mapping or a sequence with {len(program_inputs)} arrays: {_named(program_inputs)}"
        raise TpproofError("E153", f"{source}: {_described(data)}", expected)
    found = [_from_python(f"input {i.name}", value) for i, value in zip(program_inputs, given, strict=True)]
    return _together(source, program_inputs, found, limits)


def require_alike(first: InputArrays, second: InputArrays, names: tuple[str, str] = ("X1", "X2")) -> None:
    """Two sets of inputs can be paired: the same inputs, each with one d.

    Raises
    ------
    TpproofError
        E153, naming both.
    """
    if first.inputs != second.inputs:
        found = f"{names[0]}: {_named(first.inputs)}; {names[1]}: {_named(second.inputs)}"
        raise TpproofError("E153", found, "the same inputs")
    for declared, d1, d2 in zip(first.inputs, first.dimensions, second.dimensions, strict=True):
        if d1 != d2:
            found = f"input {declared.name}: d = {d1} in {names[0]}, d = {d2} in {names[1]}"
            raise TpproofError("E153", found, "one d for both")


# --- files -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int  # bytes before the numbers

    @property
    def numbers(self) -> int:
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        return self.start + self.numbers * self.dtype.itemsize


def _header(source: str, file: IO[bytes]) -> _Header:
    """What an .npy file says of itself. Only versions 1 and 2: version 3 is for named fields, which are no numbers."""
    readers: dict[tuple[int, int], Callable[[Any], tuple[tuple[int, ...], bool, np.dtype[Any]]]]
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python 2's headers read well
            header = _Header(*readers[npy.read_magic(file)](file), file.tell())
    except (OSError, zipfile.BadZipFile, zlib.error):
        raise
    except Exception:  # whatever NumPy's parser raises, tokenizer and all
        raise TpproofError("E153", f"{source}: a damaged .npy header", "what numpy.save writes") from None
    if any(n < 0 for n in header.shape):
        raise TpproofError("E153", f"{source}: a negative size {header.shape}", "what numpy.save writes")
    return header


def _check_header(source: str, header: _Header, size: int, declared: Input, limits: Limits) -> None:
    """Before a number is read: type, shape, length of the file and bounds."""
    _check_type(source, header.dtype)
    _check_shape(source, header.shape, declared)
    _bound(source, header.numbers, limits)
    if header.size != size:
        what = "truncated" if size < header.size else "longer than its array"
        raise TpproofError("E153", f"{source}: {size} bytes, {what}", f"{header.size} bytes for {header.shape}")


def _read_npy(path: Path, program_inputs: Sequence[Input], limits: Limits) -> list[NDArray[Any]]:
    if len(program_inputs) != 1:
        raise TpproofError("E153", f"{path}: one array", _file_wanted(program_inputs))
    try:
        with path.open("rb") as file:
            header = _header(str(path), file)
            _check_header(str(path), header, path.stat().st_size, program_inputs[0], limits)
        order: Literal["C", "F"] = "F" if header.fortran else "C"
        mapped: NDArray[Any] = np.memmap(path, header.dtype, "r", header.start, header.shape, order)
    except (OSError, *_DAMAGED) as error:
        raise TpproofError("E153", f"{path}: {error}", "what numpy.save writes") from None
    return [mapped]


def _read_npz(path: Path, program_inputs: Sequence[Input], limits: Limits) -> list[NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {m.filename.removesuffix(".npy"): m for m in archive.infolist()}
            if len(members) != len(archive.infolist()):
                raise TpproofError("E153", f"{path}: one name twice", _file_wanted(program_inputs))
            _require_keys(str(path), list(members), program_inputs)
            numbers = sum(_check_member(path, archive, members[i.name], i, limits) for i in program_inputs)
            _bound(str(path), numbers, limits)
            return [_load_member(archive, members[i.name]) for i in program_inputs]
    except _BAD_ZIP as error:
        found = f"{path}: a damaged .npz file ({str(error)[:100]})"
        raise TpproofError("E153", found, "what numpy.savez writes") from None


def _check_member(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, declared: Input, limits: Limits
) -> int:
    """How many numbers an array of an .npz has. A zip bomb stops here, by what its first bytes say."""
    source = f"{path}, {declared.name}"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise TpproofError("E153", f"{source}: an unusual compression", "what numpy.savez writes")
    with archive.open(member) as file:
        header = _header(source, file)
    _check_header(source, header, member.file_size, declared, limits)
    return header.numbers


def _load_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
        file.read(1)  # at the end the archive's checksum is compared
    return array


# --- checks ----------------------------------------------------------------------------------------------------------


def _from_python(source: str, value: ArrayLike) -> NDArray[Any]:
    if np.ma.isMaskedArray(value) and np.ma.is_masked(value):
        raise TpproofError("E153", f"{source}: a masked array", "an array without missing values")
    try:
        return np.asarray(value)
    except Exception as error:  # whatever a stranger's __array__ raises
        raise TpproofError("E153", f"{source}: {_described(value)} ({str(error)[:100]})", "an array") from None


def _together(source: str, program_inputs: Sequence[Input], found: list[NDArray[Any]], limits: Limits) -> InputArrays:
    """Checks every array and converts it to float64 of shape (N, parts, d)."""
    _bound(source, sum(array.size for array in found), limits)
    arrays = []
    for declared, array in zip(program_inputs, found, strict=True):
        label = source if len(program_inputs) == 1 else f"{source}, {declared.name}"
        _check_type(label, array.dtype)
        _check_shape(label, array.shape, declared)
        arrays.append(_converted(label, array, declared))
    for declared, array in zip(program_inputs, arrays, strict=True):
        if len(array) != len(arrays[0]):
            counts = f"N = {len(arrays[0])} for {program_inputs[0].name}, N = {len(array)} for {declared.name}"
            raise TpproofError("E153", f"{source}: {counts}", "one N for all inputs")
    return InputArrays(tuple(program_inputs), tuple(arrays))


def _converted(label: str, array: NDArray[Any], declared: Input) -> Array:
    with np.errstate(over="ignore"):  # what a float64 cannot hold is seen next
        numbers: Array = np.asarray(array, dtype=np.float64)
    _check_finite(label, numbers)
    kept = numbers if numbers.flags.c_contiguous else np.ascontiguousarray(numbers)
    shaped = kept.reshape(len(kept), declared.parts, kept.shape[-1]).view()
    shaped.flags.writeable = False
    return shaped


def _check_type(source: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "fiu":
        kinds = {"O": "Python objects", "V": "records", "c": "complex numbers", "b": "truth values"}
        kind = kinds.get(dtype.kind, f"elements of type {str(dtype)[:60]}")
        raise TpproofError("E153", f"{source}: {kind}", "real numbers, floats or integers")


def _check_shape(source: str, shape: tuple[int, ...], declared: Input) -> None:
    wanted = _shape_wanted(declared)
    middle = () if declared.count is None else (declared.count,)
    if len(shape) != 2 + len(middle) or shape[1:-1] != middle:
        raise TpproofError("E153", f"{source}: shape {shape}", f"{wanted} for {_named([declared])}")
    if 0 in shape:
        raise TpproofError("E153", f"{source}: shape {shape}, which is empty", f"{wanted} with N, d ≥ 1")


def _check_finite(source: str, numbers: Array) -> None:
    start = 0
    for piece in _pieces(numbers):
        finite = np.isfinite(piece)
        if not finite.all():
            at = [int(k) for k in np.unravel_index(int(np.argmin(finite)), piece.shape)]
            value = piece[tuple(at)]
            at[0] += start
            raise TpproofError("E153", f"{source}: {value} at index {tuple(at)}", "numbers that are finite")
        start += len(piece)


def _pieces(array: Array) -> Iterator[Array]:
    """Some rows at a time: what lies on disk is never read at once."""
    step = max(1, _CHUNK * len(array) // array.size)
    for start in range(0, len(array), step):
        yield array[start : start + step]


def _bound(source: str, numbers: int, limits: Limits) -> None:
    if numbers > limits.input_numbers:
        raise TpproofError("E104", f"{source}: {numbers} numbers", f"at most {limits.input_numbers} (input_numbers)")


def _require_inputs(program_inputs: Sequence[Input]) -> None:
    if not program_inputs:
        raise TpproofError("E153", "a network without an input", "a network that reads data")


def _require_keys(source: str, keys: Sequence[str], program_inputs: Sequence[Input]) -> None:
    names = [i.name for i in program_inputs]
    if missing := [name for name in names if name not in keys]:
        raise TpproofError("E153", f"{source}: nothing under {', '.join(missing)}; {_listed(keys)}", _listed(names))
    if extra := [key for key in keys if key not in names]:
        raise TpproofError("E153", f"{source}: {_listed(extra)}, which the network does not read", _listed(names))


def _listed(keys: Sequence[str]) -> str:
    shown = ", ".join(repr(key)[:66] for key in keys[:8])
    return f"{len(keys)} array{'s' * (len(keys) != 1)}: {shown}{', …' * (len(keys) > 8)}" if keys else "no arrays"


def _named(inputs: Sequence[Input]) -> str:
    return ", ".join(f'input("{i.name}")' if i.count is None else f'input("{i.name}", {i.count})' for i in inputs)


def _shape_wanted(declared: Input) -> str:
    return "(N, d)" if declared.count is None else f"(N, {declared.count}, d)"


def _file_wanted(inputs: Sequence[Input]) -> str:
    if len(inputs) == 1:
        return f"a .npy file with an array of shape {_shape_wanted(inputs[0])}"
    return "a .npz file with " + ", ".join(f"{i.name} {_shape_wanted(i)}" for i in inputs)


def _described(data: object) -> str:
    shape = getattr(data, "shape", None)
    if isinstance(shape, tuple):
        return f"{type(data).__name__} of shape {shape}"
    return f"{type(data).__name__} of {len(data)}" if isinstance(data, list | tuple) else type(data).__name__
