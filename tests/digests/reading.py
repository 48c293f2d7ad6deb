"""A kept digest as plain words, so that tests can look for sentences in the whole of it."""


def words_of(document):
    """Everything that the page of the digest shows, a line each."""
    lines = [f"【{label}】{text}" for label, text in document.summary]
    for section in document.sections:
        lines += ["", f"== {section.title} =="]
        lines += [text for text in (section.hint, section.note) if text]
        for line in section.lines:
            lines += _line(line)
        for table in section.tables:
            lines += [table.caption, " | ".join(table.head)]
            lines += [" | ".join(_cell(cell) for cell in row.cells) for row in table.rows]
        lines += [f"{link.text} {link.url}" for link in section.remarks + section.links]
    return "\n".join(lines) + "\n"


def _line(line):
    when = f"{line.when} " if line.when else ""
    about = f"（{line.about}）" if line.about else ""
    links = " · " + "、".join(link.text for link in line.links) if line.links else ""
    value = f"：{line.value}" if line.value else ""
    ending = "".join(f"，{text}" for text in (line.status, *line.value_notes) if text)
    notes = [f"  {note}" for note in line.notes + line.details]
    return [f"- {when}{line.text}{about}{links}{value}{ending}", *notes]


def _cell(cell):
    return f"{cell.text} {cell.note}".strip()
