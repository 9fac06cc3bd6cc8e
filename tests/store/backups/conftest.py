"""A backup, and the archive that it was made of."""

import shutil
from pathlib import Path
from random import Random

import pytest

import bodies
from canaries import MESSAGES, NUMBER, put_canaries
from store.archive import open_archive
from store.backups.backup import back_up


@pytest.fixture
async def backup(database: Path, one_session: Path, tmp_path: Path) -> Path:
    """A backup of an archive at ``database`` with some messages and a person; both are closed."""
    shutil.copy(one_session, database)
    file = tmp_path / "backups" / "copy.db"
    file.parent.mkdir()
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.participant(1) | {"identifier": NUMBER}, bodies.session(2))
        await put_canaries(archive, MESSAGES, Random(1), large=0.2)
        await back_up(archive, file)
    return file
