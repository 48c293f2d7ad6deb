"""For WSGI servers: `gunicorn wsgi:app`."""

from crm.app import create_app
from crm.settings import read_settings

app = create_app(read_settings())
