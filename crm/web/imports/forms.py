"""The forms of an import: a file, and the previewed file that is sent back as it was read."""

import base64
import binascii
import zlib

from flask_wtf import FlaskForm
from wtforms import FileField, HiddenField, RadioField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2

from crm.base.sheets import LARGEST_BYTES

MOST_MEGABYTES = 5
MOST_BYTES = MOST_MEGABYTES * 1024**2


class FileForm(FlaskForm):
    """A file to import."""

    file = FileField("文件")


class ApplyForm(FlaskForm):
    """The previewed file; nothing is kept on the server between the two requests."""

    content = HiddenField()
    file_name = HiddenField()
    duplicates = RadioField(
        "疑似重复的行",
        choices=[
            SelectChoice("leave-out", "不导入这些行"),
            SelectChoice("import", "全部导入（确为其他项目）"),
        ],
        default="leave-out",
    )

    @property
    def leaves_out(self) -> bool:
        """Whether likely duplicates are not wanted."""
        return bool(self.duplicates.data != "import")

    @property
    def file_content(self) -> bytes:
        """The file; empty where the field was tampered with."""
        return unpacked(self.content.data or "")


def packed(content: bytes) -> str:
    """A file as the text of a form field."""
    return base64.b64encode(zlib.compress(content)).decode()


def unpacked(text: str) -> bytes:
    """The file again, bounded before it grows; empty where there is none."""
    try:
        return zlib.decompressobj().decompress(base64.b64decode(text), LARGEST_BYTES + 1)
    except (binascii.Error, ValueError, zlib.error):
        return b""
