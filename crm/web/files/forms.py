"""The form by which files are added to a record."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, MultipleFileField

from crm.web.forms import whole_number


class UploadForm(FlaskForm):
    """Files to add; `supersedes` names the file of which one is the newer version."""

    file = MultipleFileField("选择文件")
    supersedes = HiddenField()

    @property
    def supersedes_id(self) -> int | None:
        return whole_number(self.supersedes.data or "")
