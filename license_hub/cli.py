"""`hub`: the command line. Composition root: it may import every package but Airflow, and it alone (with app.py) reads the clock.

Each command imports what it needs when it runs, so `hub --help` answers at once.
"""

from __future__ import annotations

import typer

from license_hub.commands import (
    accounts,
    audit,
    backup,
    batch,
    canaries,
    cases,
    clients,
    config,
    data_keys,
    desk,
    erase,
    grants,
    gx,
    held,
    keys,
    lake,
    log,
    quarantine,
    recall,
    restore,
    rules,
    run,
    serve,
    status,
    status_list,
    verify,
    witness,
)
from license_hub.commands.faults import Guarded

HELP = """\
免证通: land, check, publish, issue and verify from the command line.

[bold]Land, check, publish and issue one file[/bold]

    hub run population --input people.csv.gz --issue --json

[bold]What waits for a second name[/bold]

    hub batch list --stopped

[bold]One verdict[/bold]

    hub verify 1.2.156.3005.2.…

[bold]API and pages[/bold]

    hub serve

Exit codes: 0 done · 1 fault, one line on stderr · 2 wrong usage · 3 the gate stopped the batch · 4 verdict INVALID ·
5 verdict UNDETERMINED or status list stale · 6 fsck or a status list check found damage. Results go to stdout, everything else to stderr.
Settings are HUB_* variables, shown by [bold]hub config show[/bold].
"""

app = typer.Typer(
    name="hub", help=HELP, cls=Guarded, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False, add_completion=True
)
app.command("run")(run.run)
app.command("verify")(verify.verify)
app.command("audit")(audit.audit)
app.command("serve")(serve.serve)
app.add_typer(batch.app, name="batch")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(rules.app, name="rules")
app.add_typer(status.app, name="status")
app.add_typer(held.app, name="held")
app.add_typer(grants.app, name="grants")
app.add_typer(desk.app, name="desk")
app.add_typer(cases.app, name="cases")
app.add_typer(keys.app, name="keys")
app.add_typer(data_keys.app, name="data-keys")
app.add_typer(lake.app, name="lake")
app.add_typer(gx.app, name="gx")
app.add_typer(erase.app, name="erase")
app.add_typer(clients.app, name="clients")
app.add_typer(canaries.app, name="canaries")
app.add_typer(accounts.app, name="accounts")
app.add_typer(log.app, name="log")
app.add_typer(backup.app, name="backup")
app.add_typer(restore.app, name="restore")
app.add_typer(witness.app, name="witness")
app.add_typer(status_list.app, name="status-list")
app.add_typer(recall.app, name="recall")
app.add_typer(config.app, name="config")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
