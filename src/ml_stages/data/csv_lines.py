"""Find what is wrong in a CSV file, and in which line: what a fast reader does not say, or passes over."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ml_stages.data.files import shown_fault, shown_name
from ml_stages.data.foreign import foreign
from ml_stages.errors import DataError

_BLOCK = 1 << 22
_LONGEST_FIELD = 1 << 30
_QUOTE, _NEWLINE = b'"\n'
MARKS = ",;\t|"
"""What people separate fields by."""
_FIRST_LINES = 20
_ODD_QUOTE = "a quote is not closed, or not doubled within quotes"


class SeparatorError(DataError):
    """The fields of a file stand apart by another mark than was said."""

    def __init__(self, seen: str, mark: str) -> None:
        self.seen = seen
        """In which line, and what it looks like."""
        self.mark = mark
        super().__init__(f"{seen}. {separator_line(mark)}")


def check_headers(files: Sequence[Path], separator: str) -> list[str]:
    """The column names; raises :class:`DataError` for no header, a repeated name, or files that differ.

    Of which :class:`SeparatorError` is for what another separator would mend.
    """
    first = _header(files[0], files, separator)
    for file in files[1:]:
        try:
            names = _header(file, files, separator)
        except SeparatorError as error:
            alike = f"{shown_name(files[0], files)} has {separator!r}: separate the fields of all files alike"
            raise DataError(f"{error.seen}; {alike}") from None
        if names != first:
            there, here = ", ".join(first), ", ".join(names)
            raise DataError(
                f"{shown_name(file, files)}, line 1: the columns are {here};"
                f" {shown_name(files[0], files)} has {there}: write the same ones in the same order"
            )
    return first


def _header(file: Path, files: Sequence[Path], separator: str) -> list[str]:
    try:
        return _names(file, separator)
    except SeparatorError as error:
        raise SeparatorError(shown_fault(error.seen, file, files), error.mark) from None
    except DataError as error:
        raise DataError(shown_fault(str(error), file, files)) from None


def _names(file: Path, separator: str) -> list[str]:
    if fault := foreign(file):
        raise DataError(fault)
    _, _, names = next(_records(file, separator), (0, 0, []))
    if not any(name.strip() for name in names):
        raise DataError(f"{file.name} is empty; expected a header line")
    if names[0].startswith("sep="):
        told = separator.join(names)
        raise DataError(f"{file.name}, line 1: {told!r} is a word to Excel and names no column; remove it")
    if len(names) == 1 and (mark := likely_separator(file, separator)) != separator:
        seen = f"one column, {names[0][:60]!r}: its fields look separated by {mark!r}"
        raise SeparatorError(f"{file.name}, line 1: {seen}", mark)
    twice, times = Counter(names).most_common(1)[0]
    if times > 1:
        called = f"are called {twice!r}" if twice else "have no name"
        hint = f"; is {separator.join(names)[:60]!r} a header?" if sum(map(_is_number, names)) > 1 else ""
        raise DataError(f"{file.name}, line 1: two columns {called}{hint}")
    return names


def separator_line(mark: str, table: str = "[tool.ml-pipeline.data]") -> str:
    """What to do about a file whose fields stand apart by this mark, which a table of the settings names."""
    return f"Add the line separator = {json.dumps(mark)} to {table}"


def likely_separator(file: Path, default: str = ",", column: str | None = None) -> str:
    """The mark by which the first lines have equally many fields; the default where none makes several.

    Where more than one does, the one by which ``column`` is a name, then by which more lines agree.
    """
    scores = {mark: _agreement(file, mark, column) for mark in (default, *MARKS)}
    best = max(scores, key=lambda mark: scores[mark])
    return best if scores[best][1] > 0.5 else default


def _agreement(file: Path, mark: str, column: str | None) -> tuple[bool, float, int]:
    """Whether the column is there, the share of lines like the first one, and their number of fields."""
    try:
        first = [record for _, _, record in itertools.islice(_records(file, mark), _FIRST_LINES)]
    except DataError:
        return False, 0.0, 0
    if not first or len(first[0]) < 2:
        return False, 0.0, 0
    alike = sum(len(record) == len(first[0]) for record in first) / len(first)
    return column in first[0], alike, len(first[0])


def _is_number(text: str) -> bool:
    return text.strip().lstrip("+-").replace(".", "", 1).isdecimal()


def check_complete(file: Path, fields: int, separator: str) -> None:
    """Raise :class:`DataError` for a line with fewer fields than the header, or a blank one.

    The separators are counted first, at the speed of memory; only where their number is wrong the
    lines are looked at one by one.
    """
    separators, records = _count(file, separator)
    if separators != records * (fields - 1) and (fault := line_fault(file, fields, separator)):
        raise DataError(fault)


def check_quotes(file: Path, fields: int, separator: str) -> None:
    r"""Raise :class:`DataError` for a quote within a text that would join its line to the next ones.

    Such as those of ``"a\"b"``: a reader that looks for quotes alone takes two lines for one. To be asked
    where a quote stands elsewhere than around a field; lines are looked at one by one where one ends within.
    """
    if _count(file, separator)[1] < _lines_of(file) and (fault := line_fault(file, fields, separator)):
        raise DataError(fault)


def check_returns(file: Path, fields: int, separator: str) -> None:
    r"""Raise :class:`DataError` for a carriage return outside quotes that no line feed follows.

    It ends a line to some readers, such as pandas, and to others it is part of a text.
    """
    if fault := line_fault(file, fields, separator):
        raise DataError(fault)


def _lines_of(file: Path) -> int:
    lines, last = 0, b"\n"
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            lines, last = lines + block.count(b"\n"), block[-1:]
    return lines + (last != b"\n")


def line_fault(file: Path, fields: int, separator: str) -> str | None:
    """What is wrong with the first faulty line of the file, with its number; ``None`` when nothing is."""
    header: list[str] = []
    try:
        line = 1
        for last, quotes, record in _records(file, separator):
            if len(record) != fields and (record or fields > 1):
                found = f"has {_fields(len(record))}" if record else "is blank"
                return f"{file.name}, line {line}: {found}, expected {_fields(fields)}{_told(header, fields)}"
            if quotes % 2:
                return f"{file.name}, line {line}: {_ODD_QUOTE}"
            header = header or record
            line = last + 1
        return _after_quotes(file, separator)
    except DataError as error:
        return str(error)


def _after_quotes(file: Path, separator: str) -> str | None:
    """The first field that goes on after its closing quote, which Python lets pass where it is not strict."""
    with file.open("rb") as stream:
        reader = csv.reader(_lines(stream, file), delimiter=separator, strict=True)
        try:
            deque(reader, maxlen=0)
        except csv.Error as error:
            if "expected after" in str(error):
                return f"{file.name}, line {reader.line_num}: {_ODD_QUOTE}"
    return None


def _told(header: list[str], fields: int) -> str:
    """That the header looks like none."""
    return "" if fields > 1 else f"; line 1 is {header[0][:60]!r}: it must name the columns"


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count:,} fields"


def lines_of_records(file: Path, first: int, separator: str) -> Iterator[int]:
    """The line in which each record begins, from the record of that number on (the header is 0)."""
    line = 1
    for number, (last, _, _) in enumerate(_records(file, separator)):
        if number >= first:
            yield line
        line = last + 1


def _records(file: Path, separator: str) -> Iterator[tuple[int, int, list[str]]]:
    """Each record with the number of its last line, and how many quotes it holds."""
    quotes = 0

    def counted(lines: Iterator[str]) -> Iterator[str]:
        nonlocal quotes
        for line in lines:
            quotes += line.count('"')
            yield line

    with file.open("rb") as stream:
        before = csv.field_size_limit(_LONGEST_FIELD)
        try:
            reader = csv.reader(counted(_lines(stream, file)), delimiter=separator)
            for record in reader:
                yield reader.line_num, quotes, record
                quotes = 0
        except csv.Error as error:
            # Python's own words tell what to do to a program.
            old = "new-line character seen" in str(error)
            what = "a line ends in a carriage return alone; save it with line feeds" if old else error
            raise DataError(f"{file.name}, line {reader.line_num}: not readable as CSV: {what}") from None
        finally:
            csv.field_size_limit(before)


def _lines(stream: io.BufferedReader, file: Path) -> Iterator[str]:
    for number, line in enumerate(stream, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            bad = line[error.start]
            raise DataError(
                f"{file.name}, line {number}: byte 0x{bad:02x} at position {error.start + 1} is not UTF-8;"
                " save the file as UTF-8"
            ) from None


def _count(file: Path, separator: str) -> tuple[int, int]:
    """Separators and records outside quotes."""
    separators = records = 0
    inside, last = False, _NEWLINE
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            content = np.frombuffer(block, dtype=np.uint8)
            marks = {mark: content == mark for mark in (ord(separator), _NEWLINE)}
            if inside or b'"' in block:
                quoted = np.logical_xor.accumulate(content == _QUOTE) ^ inside
                marks = {mark: found & ~quoted for mark, found in marks.items()}
                inside = bool(quoted[-1])
            separators += int(np.count_nonzero(marks[ord(separator)]))
            records += int(np.count_nonzero(marks[_NEWLINE]))
            last = block[-1]
    return separators, records + (last != _NEWLINE)
