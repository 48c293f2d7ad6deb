"""How tests send files, as a browser without script does."""

import io

from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart


def upload(client, path, *files, **values):
    """Send the files, each a name with its content."""
    sent = [FileStorage(io.BytesIO(content), name) for name, content in files]
    # in memory: the client would leave a temporary file open
    boundary, body = encode_multipart({"file": sent, **values})
    return client.post(
        path, data=body, content_type=f"multipart/form-data; boundary={boundary}", buffered=True
    )
