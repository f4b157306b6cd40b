"""What a daemon holds made an archive while it runs, and a daemon's servers or files made of one.

What is restored is what a crash at that moment might have left.
"""

from pathlib import Path

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.sqlite_copy import Copy, copy_together
from whispr_daemon.adapters.stores.sqlite_image import SqliteImages
from whispr_daemon.bootstrap.archive import (
    LOG,
    STORE,
    About,
    Run,
    appearing,
    checked,
    finish,
    is_archive,
)
from whispr_daemon.bootstrap.folder import DataFolder
from whispr_daemon.bootstrap.look import tier_of
from whispr_daemon.bootstrap.restoring import being_restored
from whispr_daemon.bootstrap.servers import Tell
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.engine.copying import Told
from whispr_daemon.settings import Settings


def back_up(settings: Settings, target: Path, told: Told, run: Run) -> About:
    """Make an archive of the daemon's log and store, in a folder that is not there yet.

    Raises:
        SettingsError: there is nothing to copy, or it cannot be written there.
        Transient: log and store cannot be copied now.
    """
    data = DataFolder(settings.data).path
    if is_archive(data):
        raise SettingsError(f"{data} is a backup itself; copy it as any folder")
    tier = tier_of(settings)
    if tier == 0 and (missing := [each for each in (STORE, LOG) if not (data / each).is_file()]):
        raise SettingsError(f"{data} holds no {missing[0]}: there is nothing to copy")
    begun = SYSTEM_CLOCK.now()
    with appearing(target) as made:
        if tier == 0:
            copy_together([Copy(data / name, made / name) for name in (STORE, LOG)], told)
        else:
            from whispr_daemon.bootstrap.backup_of_servers import archive  # clients that take long

            run(archive(settings, made, told))
        return finish(made, data, tier, begun, told)


def restore(settings: Settings, source: Path, told: Told, tell: Tell, run: Run) -> About:
    """Make what a daemon of the settings' tier starts on; return what the archive says of itself.

    ``tell`` is told which server is being started.

    Raises:
        SettingsError: it is no whole archive, or there is something where it is to be restored.
        Transient: it cannot be copied now.
    """
    found = checked(source, told)
    data = DataFolder(settings.data).path
    with being_restored(data, settings.tier, run) as made:
        if settings.tier == 0:
            copy_together([Copy(source / name, made / name) for name in (STORE, LOG)], told)
            run(renewed(made / STORE))
            for file in list(made.iterdir()):
                file.rename(data / file.name)
        else:
            from whispr_daemon.bootstrap.backup_of_servers import fill  # clients that take long

            copy_together([Copy(source / STORE, made / STORE)], told)
            run(renewed(made / STORE))
            run(fill(settings, source, made / STORE, told, tell))
    return found


async def renewed(store: Path) -> None:
    """Make a copied store one that goes on: its tables of today, its relays above all others."""
    images = await SqliteImages.open(store)
    try:
        await images.outdo_routes()
    finally:
        await images.close()
