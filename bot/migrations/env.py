"""Alembic's entry: run the migrations over the URL that `bot.timeline.database.migrate` sets."""

from alembic import context
from sqlalchemy import create_engine, pool

from bot.timeline.tables import metadata

url = context.config.get_main_option("sqlalchemy.url") or ""
engine = create_engine(url.replace("+aiosqlite", ""), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
