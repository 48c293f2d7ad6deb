"""The tables of a database as a whole: of which version they are, made anew, and removed."""

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from crm.base.db import Base
from crm.base.errors import Refused
from crm.base.shipped import MIGRATIONS
from crm.jobs.health import VERSIONS

# What migrations make in PostgreSQL besides indexes; what an extension made is not ours.
_LEFTOVERS = """
SELECT 'DROP TABLE ' || o.oid::regclass || ' CASCADE' AS drop, 1 AS place
FROM pg_class o WHERE o.relkind IN ('r', 'p') AND o.relnamespace = current_schema()::regnamespace
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')
UNION ALL SELECT 'DROP FUNCTION ' || o.oid::regprocedure || ' CASCADE', 2
FROM pg_proc o WHERE o.pronamespace = current_schema()::regnamespace
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = o.oid AND d.deptype IN ('e', 'i'))
UNION ALL SELECT 'DROP TYPE ' || o.oid::regtype || ' CASCADE', 3
FROM pg_type o WHERE o.typtype = 'r' AND o.typnamespace = current_schema()::regnamespace
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')
ORDER BY place"""


def revision_of(connection: Connection) -> str | None:
    """The migration that the tables are at; None where there are no tables.

    Refused as `database_foreign` where there are tables of another program.
    """
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if VERSIONS.name not in names:
        raise Refused("database_foreign")
    return connection.scalar(VERSIONS.select())


def is_known(revision: str) -> bool:
    """Whether this program has that migration."""
    # by the names of the files: Alembic would load all of them
    return revision in {path.stem.partition("_")[0] for path in MIGRATIONS.glob("[0-9]*.py")}


def has_people(connection: Connection) -> bool:
    """Whether anybody works with the database; what an installation plants counts for nothing."""
    return bool(
        inspect(connection).has_table("person")
        and connection.scalar(text("SELECT EXISTS (SELECT 1 FROM person)"))
    )


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the tables to that migration, in the connection's transaction."""
    scripts = _scripts()

    def steps(revision: str, _context: MigrationContext) -> object:
        return scripts._upgrade_revs(to, revision)  # noqa: SLF001 - as Alembic's own command does

    # the metadata has the names of constraints by convention, which batch operations look up
    options = {"fn": steps, "target_metadata": Base.metadata}
    context = MigrationContext.configure(connection, opts=options)
    with Operations.context(context):
        context.run_migrations()


def clear(connection: Connection) -> None:
    """Remove all tables from PostgreSQL, with all that belongs to them."""
    for statement in connection.scalars(text(_LEFTOVERS)).all():
        connection.execute(text(statement))


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])
